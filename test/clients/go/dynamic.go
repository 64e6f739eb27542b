package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
)

// A raw is a caller by the dynamic client.
type raw struct {
	client dynamic.ResourceInterface
}

func (r raw) create(ctx context.Context, wanted *unstructured.Unstructured, options metav1.CreateOptions) (object, error) {
	return found(r.client.Create(ctx, wanted, options))
}

func (r raw) get(ctx context.Context, name string) (object, error) {
	return found(r.client.Get(ctx, name, metav1.GetOptions{}))
}

func (r raw) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	return r.client.List(ctx, options)
}

func (r raw) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return r.client.Watch(ctx, options)
}

func (r raw) update(ctx context.Context, one object, options metav1.UpdateOptions) (object, error) {
	return found(r.client.Update(ctx, one.(*unstructured.Unstructured), options))
}

func (r raw) updateStatus(ctx context.Context, one object, options metav1.UpdateOptions) (object, error) {
	return found(r.client.UpdateStatus(ctx, one.(*unstructured.Unstructured), options))
}

func (r raw) patch(ctx context.Context, name string, kind types.PatchType, body []byte, options metav1.PatchOptions, subresources ...string) (object, error) {
	return found(r.client.Patch(ctx, name, kind, body, options, subresources...))
}

func (r raw) apply(ctx context.Context, wanted *unstructured.Unstructured, options metav1.ApplyOptions) (object, error) {
	return found(r.client.Apply(ctx, wanted.GetName(), wanted, options))
}

func (r raw) applyStatus(ctx context.Context, wanted *unstructured.Unstructured, options metav1.ApplyOptions) (object, error) {
	return found(r.client.ApplyStatus(ctx, wanted.GetName(), wanted, options))
}

func (r raw) delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return r.client.Delete(ctx, name, options)
}

func (r raw) deleteCollection(ctx context.Context, options metav1.DeleteOptions, which metav1.ListOptions) error {
	return r.client.DeleteCollection(ctx, options, which)
}

// A metaOnly is a caller by the metadata client, which creates nothing: the dynamic client does.
type metaOnly struct {
	raw
	client metadata.ResourceInterface
}

func (m metaOnly) get(ctx context.Context, name string) (object, error) {
	return found(m.client.Get(ctx, name, metav1.GetOptions{}))
}

func (m metaOnly) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	return m.client.List(ctx, options)
}

func (m metaOnly) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return m.client.Watch(ctx, options)
}

func (m metaOnly) update(context.Context, object, metav1.UpdateOptions) (object, error) {
	return nil, errLacking
}

func (m metaOnly) updateStatus(context.Context, object, metav1.UpdateOptions) (object, error) {
	return nil, errLacking
}

func (m metaOnly) patch(ctx context.Context, name string, kind types.PatchType, body []byte, options metav1.PatchOptions, subresources ...string) (object, error) {
	return found(m.client.Patch(ctx, name, kind, body, options, subresources...))
}

func (m metaOnly) apply(ctx context.Context, wanted *unstructured.Unstructured, options metav1.ApplyOptions) (object, error) {
	return m.patch(ctx, wanted.GetName(), types.ApplyPatchType, jsonOf(wanted), options.ToPatchOptions())
}

func (m metaOnly) applyStatus(ctx context.Context, wanted *unstructured.Unstructured, options metav1.ApplyOptions) (object, error) {
	return m.patch(ctx, wanted.GetName(), types.ApplyPatchType, jsonOf(wanted), options.ToPatchOptions(), "status")
}

func (m metaOnly) delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return m.client.Delete(ctx, name, options)
}

func (m metaOnly) deleteCollection(ctx context.Context, options metav1.DeleteOptions, which metav1.ListOptions) error {
	return m.client.DeleteCollection(ctx, options, which)
}
