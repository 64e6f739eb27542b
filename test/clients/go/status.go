package main

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// someStatus is a status as this kind may have it.
func (l life) someStatus() map[string]any {
	if l.isByControllers() {
		return map[string]any{"conditions": []any{condition("Lived")}}
	}
	return map[string]any{"observedGeneration": int64(7)}
}

// statusPatch leaves the conditions of controllers there: they would write them again, at times of their own.
func (l life) statusPatch() (types.PatchType, any) {
	if l.isByControllers() {
		return types.JSONPatchType, []any{map[string]any{"op": "add", "path": "/status/conditions/-", "value": condition("Patched")}}
	}
	return types.MergePatchType, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"by": "status"}}, "status": map[string]any{"observedGeneration": int64(8)},
	}
}

func condition(kind string) map[string]any {
	return map[string]any{
		"type": kind, "status": "True", "reason": "Test", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z",
	}
}

// withStatus adds to the status of what was read; what is there, stays.
func (l life) withStatus(found object) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(found)
	if err != nil {
		panic(err)
	}
	for name, value := range l.someStatus() {
		if added, isList := value.([]any); isList {
			present, _, _ := unstructured.NestedSlice(content, "status", name)
			value = append(present, added...)
		}
		if err := unstructured.SetNestedField(content, value, "status", name); err != nil {
			panic(err)
		}
	}
	if raw, isUnstructured := found.(*unstructured.Unstructured); isUnstructured {
		raw.Object = content
		return
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, found); err != nil {
		panic(err)
	}
}

// isEstablished says whether a definition's kind is served.
func isEstablished(definition object) bool {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(definition)
	if err != nil {
		panic(err)
	}
	conditions, _, _ := unstructured.NestedSlice(content, "status", "conditions")
	for _, one := range conditions {
		condition, _ := one.(map[string]any)
		if condition["type"] == "Established" && condition["status"] == "True" {
			return true
		}
	}
	return false
}
