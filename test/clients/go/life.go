package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
)

type object interface {
	runtime.Object
	metav1.Object
}

// A caller does with the objects of one kind, in one namespace, what a client can; errLacking where it cannot.
type caller interface {
	create(context.Context, *unstructured.Unstructured, metav1.CreateOptions) (object, error)
	get(context.Context, string) (object, error)
	list(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch(context.Context, metav1.ListOptions) (watch.Interface, error)
	update(context.Context, object, metav1.UpdateOptions) (object, error)
	updateStatus(context.Context, object, metav1.UpdateOptions) (object, error)
	patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (object, error)
	apply(context.Context, *unstructured.Unstructured, metav1.ApplyOptions) (object, error)
	applyStatus(context.Context, *unstructured.Unstructured, metav1.ApplyOptions) (object, error)
	delete(context.Context, string, metav1.DeleteOptions) error
	deleteCollection(context.Context, metav1.DeleteOptions, metav1.ListOptions) error
}

// patience is how long an object may take to be served, or to be gone: kube-controller-manager looks for new kinds every 30 s.
const patience = 90 * time.Second

var dryRun = []string{metav1.DryRunAll}

// A life is what happens to one object from before it is there until it is gone, twice.
type life struct {
	context.Context
	caller
	*report
	wanted *unstructured.Unstructured
}

func live(ctx context.Context, by caller, told *report, wanted *unstructured.Unstructured) {
	one := life{ctx, by, told, wanted}
	events := follow(one)
	one.begin()
	one.read()
	one.update()
	one.patch()
	one.apply()
	one.status()
	one.end()
	one.again()
	events.show()
}

func (l life) name() string { return l.wanted.GetName() }

func (l life) begin() {
	create := func(wanted *unstructured.Unstructured, options metav1.CreateOptions) func() (object, error) {
		return func() (object, error) { return l.create(l, wanted, options) }
	}
	step(l.report, "create, dry run", create(l.wanted, metav1.CreateOptions{DryRun: dryRun}))
	step(l.report, "create", create(l.wanted, metav1.CreateOptions{}))
	step(l.report, "create what is there", create(l.wanted, metav1.CreateOptions{}))
	bad := l.wanted.DeepCopy()
	bad.SetName("")
	step(l.report, "create without a name", create(bad, metav1.CreateOptions{}))
	l.settle()
}

func (l life) read() {
	step(l.report, "get", func() (object, error) { return l.get(l, l.name()) })
	step(l.report, "get what is not there", func() (object, error) { return l.get(l, "not-there") })
	step(l.report, "list", func() (runtime.Object, error) {
		return l.list(l, metav1.ListOptions{FieldSelector: "metadata.name=" + l.name()})
	})
	step(l.report, "list none", func() (runtime.Object, error) {
		return l.list(l, metav1.ListOptions{LabelSelector: "not=there"})
	})
	step(l.report, "list by what is not known", func() (runtime.Object, error) {
		return l.list(l, metav1.ListOptions{FieldSelector: "spec.nothing=there"})
	})
}

// change reads the object, changes it and writes it; again when a controller has written meanwhile.
func (l life) change(act func(object), write func(object) (object, error)) func() (object, error) {
	return func() (result object, err error) {
		err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
			found, err := l.get(l, l.name())
			if err != nil {
				return err
			}
			act(found)
			result, err = write(found)
			return err
		})
		return result, err
	}
}

func (l life) update() {
	update := func(options metav1.UpdateOptions) func(object) (object, error) {
		return func(found object) (object, error) { return l.caller.update(l, found, options) }
	}
	stale, _ := l.get(l, l.name())
	step(l.report, "update, dry run", l.change(labelled("updated", "no"), update(metav1.UpdateOptions{DryRun: dryRun})))
	step(l.report, "update", l.change(labelled("updated", "yes"), update(metav1.UpdateOptions{})))
	step(l.report, "update with a bad label", l.change(labelled("updated", "-"), update(metav1.UpdateOptions{})))
	step(l.report, "update another object", l.change(func(found object) { found.SetUID("another") }, update(metav1.UpdateOptions{})))
	step(l.report, "update whatever is there", l.change(func(found object) {
		labelled("whatever", "yes")(found)
		found.SetResourceVersion("")
	}, update(metav1.UpdateOptions{})))
	step(l.report, "update what has changed", func() (object, error) {
		if stale == nil {
			return nil, errLacking
		}
		return l.caller.update(l, stale, metav1.UpdateOptions{})
	})
	step(l.report, "update nothing", func() (bool, error) {
		before, err := l.get(l, l.name())
		if err != nil {
			return false, err
		}
		after, err := l.caller.update(l, before, metav1.UpdateOptions{})
		return err == nil && before.GetResourceVersion() == after.GetResourceVersion(), err
	})
}

func (l life) patch() {
	patch := func(title string, kind types.PatchType, options metav1.PatchOptions, body any) {
		step(l.report, title, func() (object, error) {
			return l.caller.patch(l, l.name(), kind, jsonOf(body), options)
		})
	}
	label := func(name, value string) map[string]any {
		return map[string]any{"metadata": map[string]any{"labels": map[string]any{name: value}}}
	}
	add := []any{map[string]any{"op": "add", "path": "/metadata/labels/json-patched", "value": "yes"}}
	missing := []any{map[string]any{"op": "remove", "path": "/metadata/labels/missing"}}
	patch("merge patch, dry run", types.MergePatchType, metav1.PatchOptions{DryRun: dryRun}, label("merged", "no"))
	patch("merge patch", types.MergePatchType, metav1.PatchOptions{FieldManager: "merger"}, label("merged", "yes"))
	patch("merge patch, strict", types.MergePatchType, metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict},
		map[string]any{"metadata": map[string]any{"unknown": "field"}})
	patch("JSON patch", types.JSONPatchType, metav1.PatchOptions{}, add)
	patch("JSON patch that fails", types.JSONPatchType, metav1.PatchOptions{}, missing)
	patch("strategic merge patch", types.StrategicMergePatchType, metav1.PatchOptions{}, label("strategic", "yes"))
	patch("apply patch", types.ApplyYAMLPatchType, metav1.PatchOptions{FieldManager: "patcher"}, l.labels(map[string]any{"patched": "yes"}).Object)
}

// labels is the object as far as these labels.
func (l life) labels(labels map[string]any) *unstructured.Unstructured {
	metadata := map[string]any{"name": l.name(), "labels": labels}
	if namespace := l.wanted.GetNamespace(); namespace != "" {
		metadata["namespace"] = namespace
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": l.wanted.GetAPIVersion(), "kind": l.wanted.GetKind(), "metadata": metadata,
	}}
}

func (l life) apply() {
	apply := func(title, manager, value string, options metav1.ApplyOptions) {
		labels := map[string]any{}
		if value != "" {
			labels["applied"] = value
		}
		options.FieldManager = manager
		step(l.report, title, func() (object, error) { return l.caller.apply(l, l.labels(labels), options) })
	}
	apply("apply, dry run", "one", "no", metav1.ApplyOptions{DryRun: dryRun})
	apply("apply", "one", "one", metav1.ApplyOptions{})
	apply("apply in conflict", "two", "two", metav1.ApplyOptions{})
	apply("apply by force", "two", "two", metav1.ApplyOptions{Force: true})
	apply("apply nothing", "two", "", metav1.ApplyOptions{})
}

func (l life) status() {
	write := func(found object) (object, error) { return l.updateStatus(l, found, metav1.UpdateOptions{}) }
	step(l.report, "update status", l.change(l.withStatus, write))
	step(l.report, "patch status", func() (object, error) {
		kind, body := l.statusPatch()
		return l.caller.patch(l, l.name(), kind, jsonOf(body), metav1.PatchOptions{}, "status")
	})
	step(l.report, "apply status", func() (object, error) {
		body := l.labels(map[string]any{"by": "status"})
		body.Object["status"] = l.someStatus()
		return l.applyStatus(l, body, metav1.ApplyOptions{FieldManager: "status", Force: true})
	})
}

func (l life) end() {
	remove := func(title string, options metav1.DeleteOptions) {
		l.do(title, func() error { return l.delete(l, l.name(), options) })
	}
	remove("delete another object", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: ptr.To(types.UID("another"))}})
	remove("delete, dry run", metav1.DeleteOptions{DryRun: dryRun})
	remove("delete", metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)})
	l.do("is gone", l.gone)
	remove("delete what is not there", metav1.DeleteOptions{})
}

// again applies the whole object, and deletes it as one of a collection.
func (l life) again() {
	wanted := l.wanted.DeepCopy()
	mark := "collected-from-" + strings.Fields(l.title)[0]
	wanted.SetLabels(map[string]string{mark: "yes"})
	step(l.report, "apply what is not there", func() (object, error) {
		return l.caller.apply(l, wanted, metav1.ApplyOptions{FieldManager: "one"})
	})
	l.settle()
	l.do("delete a collection", func() error {
		return l.deleteCollection(l, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: mark})
	})
	// Namespaces cannot be deleted as a collection.
	if _, err := l.get(l, l.name()); err == nil {
		_ = l.delete(l, l.name(), metav1.DeleteOptions{})
	}
	l.do("is gone again", l.gone)
}

// gone waits until the object is. kube-apiserver may overlook a definition that is deleted until somebody touches it.
func (l life) gone() error {
	asked := time.Now()
	return wait.PollUntilContextTimeout(l, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		_, err := l.get(l, l.name())
		if err == nil && l.isByControllers() && time.Since(asked) > 10*time.Second {
			_ = l.delete(l, l.name(), metav1.DeleteOptions{})
			asked = time.Now()
		}
		return errors.IsNotFound(err), nil
	})
}

// settle waits until a definition is served: its controller is done with it.
func (l life) settle() {
	if l.wanted.GetKind() != "CustomResourceDefinition" {
		return
	}
	get := l.get
	if only, isMetaOnly := l.caller.(metaOnly); isMetaOnly {
		get = only.raw.get
	}
	_ = wait.PollUntilContextTimeout(l, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		found, err := get(l, l.name())
		return err == nil && isEstablished(found), nil
	})
}

func labelled(name, value string) func(object) {
	return func(found object) {
		labels := found.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[name] = value
		found.SetLabels(labels)
	}
}

func jsonOf(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
