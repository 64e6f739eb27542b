package main

import (
	"context"
	"encoding/json"

	extensions "k8s.io/apiextensions-apiserver/pkg/client/applyconfiguration"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/scheme"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	builtin "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// known are the kinds that have Go types.
var known = runtime.NewScheme()

func init() {
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensions.AddToScheme} {
		if err := add(known); err != nil {
			panic(err)
		}
	}
}

// A runtimeCaller is a caller by controller-runtime's client.
type runtimeCaller struct {
	client    client.WithWatch
	namespace string
	// none makes an object without content, noneListed a list.
	none       func() client.Object
	noneListed func() client.ObjectList
	// configuration is what the client applies.
	configuration func(*unstructured.Unstructured) (runtime.ApplyConfiguration, error)
}

// runtimeTyped calls with Go types; nil where a kind has none.
func (w world) runtimeTyped(wanted *unstructured.Unstructured) caller {
	kind := wanted.GroupVersionKind()
	if !known.Recognizes(kind) {
		return nil
	}
	list := kind
	list.Kind += "List"
	return runtimeCaller{
		client:     w.runtimeClient(),
		namespace:  wanted.GetNamespace(),
		none:       func() client.Object { return must(known.New(kind)).(client.Object) },
		noneListed: func() client.ObjectList { return must(known.New(list)).(client.ObjectList) },
		configuration: func(wanted *unstructured.Unstructured) (runtime.ApplyConfiguration, error) {
			configuration := builtin.ForKind(kind)
			if configuration == nil {
				configuration = extensions.ForKind(kind)
			}
			return configuration.(runtime.ApplyConfiguration), json.Unmarshal(jsonOf(wanted), configuration)
		},
	}
}

// runtimeUntyped calls with maps.
func (w world) runtimeUntyped(wanted *unstructured.Unstructured) caller {
	kind := wanted.GroupVersionKind()
	list := kind
	list.Kind += "List"
	return runtimeCaller{
		client:    w.runtimeClient(),
		namespace: wanted.GetNamespace(),
		none: func() client.Object {
			one := &unstructured.Unstructured{}
			one.SetGroupVersionKind(kind)
			return one
		},
		noneListed: func() client.ObjectList {
			all := &unstructured.UnstructuredList{}
			all.SetGroupVersionKind(list)
			return all
		},
		configuration: func(wanted *unstructured.Unstructured) (runtime.ApplyConfiguration, error) {
			return client.ApplyConfigurationFromUnstructured(wanted), nil
		},
	}
}

func (w world) runtimeClient() client.WithWatch {
	return must(client.NewWithWatch(w.config, client.Options{Scheme: known}))
}

func (r runtimeCaller) named(name string) client.Object {
	one := r.none()
	one.SetName(name)
	one.SetNamespace(r.namespace)
	return one
}

func (r runtimeCaller) create(ctx context.Context, wanted *unstructured.Unstructured, options metav1.CreateOptions) (object, error) {
	one := r.none()
	if err := json.Unmarshal(jsonOf(wanted), one); err != nil {
		return nil, err
	}
	err := r.client.Create(ctx, one, &client.CreateOptions{DryRun: options.DryRun})
	return found(one, err)
}

func (r runtimeCaller) get(ctx context.Context, name string) (object, error) {
	one := r.none()
	err := r.client.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: name}, one)
	return found(one, err)
}

func (r runtimeCaller) listed(options metav1.ListOptions) *client.ListOptions {
	return &client.ListOptions{Namespace: r.namespace, Raw: &options}
}

func (r runtimeCaller) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	all := r.noneListed()
	err := r.client.List(ctx, all, r.listed(options))
	return all, err
}

func (r runtimeCaller) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return r.client.Watch(ctx, r.noneListed(), r.listed(options))
}

func (r runtimeCaller) update(ctx context.Context, one object, options metav1.UpdateOptions) (object, error) {
	err := r.client.Update(ctx, one, &client.UpdateOptions{DryRun: options.DryRun})
	return found(one, err)
}

func (r runtimeCaller) updateStatus(ctx context.Context, one object, _ metav1.UpdateOptions) (object, error) {
	err := r.client.Status().Update(ctx, one)
	return found(one, err)
}

func (r runtimeCaller) patch(ctx context.Context, name string, kind types.PatchType, body []byte, options metav1.PatchOptions, subresources ...string) (object, error) {
	one, change := r.named(name), client.RawPatch(kind, body)
	all := client.PatchOptions{
		DryRun: options.DryRun, Force: options.Force, FieldManager: options.FieldManager, FieldValidation: options.FieldValidation,
	}
	if len(subresources) == 0 {
		err := r.client.Patch(ctx, one, change, &all)
		return found(one, err)
	}
	err := r.client.SubResource(subresources[0]).Patch(ctx, one, change, &client.SubResourcePatchOptions{PatchOptions: all})
	return found(one, err)
}

// apply reads what it has applied: the client writes that to the configuration.
func (r runtimeCaller) apply(ctx context.Context, wanted *unstructured.Unstructured, options metav1.ApplyOptions) (object, error) {
	configuration, err := r.configuration(wanted.DeepCopy())
	if err == nil {
		err = r.client.Apply(ctx, configuration, applied(options))
	}
	return r.applied(configuration, err)
}

func (r runtimeCaller) applyStatus(ctx context.Context, wanted *unstructured.Unstructured, options metav1.ApplyOptions) (object, error) {
	configuration, err := r.configuration(wanted.DeepCopy())
	if err == nil {
		err = r.client.Status().Apply(ctx, configuration, &client.SubResourceApplyOptions{ApplyOptions: *applied(options)})
	}
	return r.applied(configuration, err)
}

func applied(options metav1.ApplyOptions) *client.ApplyOptions {
	return &client.ApplyOptions{DryRun: options.DryRun, Force: ptr.To(options.Force), FieldManager: options.FieldManager}
}

func (r runtimeCaller) applied(configuration runtime.ApplyConfiguration, err error) (object, error) {
	if err != nil {
		return nil, err
	}
	one := &unstructured.Unstructured{}
	return one, json.Unmarshal(jsonOf(configuration), one)
}

func (r runtimeCaller) delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return r.client.Delete(ctx, r.named(name), &client.DeleteOptions{
		DryRun: options.DryRun, Preconditions: options.Preconditions, PropagationPolicy: options.PropagationPolicy,
	})
}

func (r runtimeCaller) deleteCollection(ctx context.Context, _ metav1.DeleteOptions, which metav1.ListOptions) error {
	return r.client.DeleteAllOf(ctx, r.none(), &client.DeleteAllOfOptions{ListOptions: *r.listed(which)})
}
