package main

import (
	"context"
	"encoding/json"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// A typedClient is what clientsets generate for a kind T with lists L and apply configurations A.
type typedClient[T object, L runtime.Object, A any] interface {
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Get(context.Context, string, metav1.GetOptions) (T, error)
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
	Update(context.Context, T, metav1.UpdateOptions) (T, error)
	Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (T, error)
	Apply(context.Context, *A, metav1.ApplyOptions) (T, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

// A typed is a caller by a generated client.
type typed[T object, L runtime.Object, A any] struct {
	client typedClient[T, L, A]
	none   func() T
}

func byType[T object, L runtime.Object, A any](client typedClient[T, L, A], none func() T) caller {
	return typed[T, L, A]{client, none}
}

// typedCaller is the caller for a built-in kind; nil for others.
func (w world) typedCaller(wanted *unstructured.Unstructured) caller {
	client := kubernetes.NewForConfigOrDie(w.config)
	core, rbac, namespace := client.CoreV1(), client.RbacV1(), wanted.GetNamespace()
	switch wanted.GetAPIVersion() + " " + wanted.GetKind() {
	case "v1 Namespace":
		return byType(core.Namespaces(), func() *corev1.Namespace { return &corev1.Namespace{} })
	case "v1 ConfigMap":
		return byType(core.ConfigMaps(namespace), func() *corev1.ConfigMap { return &corev1.ConfigMap{} })
	case "v1 Secret":
		return byType(core.Secrets(namespace), func() *corev1.Secret { return &corev1.Secret{} })
	case "v1 ServiceAccount":
		return byType(core.ServiceAccounts(namespace), func() *corev1.ServiceAccount { return &corev1.ServiceAccount{} })
	case "v1 Event":
		return byType(core.Events(namespace), func() *corev1.Event { return &corev1.Event{} })
	case "events.k8s.io/v1 Event":
		return byType(client.EventsV1().Events(namespace), func() *eventsv1.Event { return &eventsv1.Event{} })
	case "coordination.k8s.io/v1 Lease":
		return byType(client.CoordinationV1().Leases(namespace), func() *coordinationv1.Lease { return &coordinationv1.Lease{} })
	case "rbac.authorization.k8s.io/v1 Role":
		return byType(rbac.Roles(namespace), func() *rbacv1.Role { return &rbacv1.Role{} })
	case "rbac.authorization.k8s.io/v1 RoleBinding":
		return byType(rbac.RoleBindings(namespace), func() *rbacv1.RoleBinding { return &rbacv1.RoleBinding{} })
	case "rbac.authorization.k8s.io/v1 ClusterRole":
		return byType(rbac.ClusterRoles(), func() *rbacv1.ClusterRole { return &rbacv1.ClusterRole{} })
	case "rbac.authorization.k8s.io/v1 ClusterRoleBinding":
		return byType(rbac.ClusterRoleBindings(), func() *rbacv1.ClusterRoleBinding { return &rbacv1.ClusterRoleBinding{} })
	case "apiextensions.k8s.io/v1 CustomResourceDefinition":
		definitions := apiextensions.NewForConfigOrDie(w.config).ApiextensionsV1().CustomResourceDefinitions()
		return byType(definitions, func() *apiextensionsv1.CustomResourceDefinition {
			return &apiextensionsv1.CustomResourceDefinition{}
		})
	}
	return nil
}

// found turns what a generated client gives into what a caller gives: no object beside an error.
func found[T object](one T, err error) (object, error) {
	if err != nil {
		return nil, err
	}
	return one, nil
}

func (t typed[T, L, A]) create(ctx context.Context, wanted *unstructured.Unstructured, options metav1.CreateOptions) (object, error) {
	one := t.none()
	if err := json.Unmarshal(jsonOf(wanted), one); err != nil {
		return nil, err
	}
	return found(t.client.Create(ctx, one, options))
}

func (t typed[T, L, A]) get(ctx context.Context, name string) (object, error) {
	return found(t.client.Get(ctx, name, metav1.GetOptions{}))
}

func (t typed[T, L, A]) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	return t.client.List(ctx, options)
}

func (t typed[T, L, A]) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return t.client.Watch(ctx, options)
}

func (t typed[T, L, A]) update(ctx context.Context, one object, options metav1.UpdateOptions) (object, error) {
	return found(t.client.Update(ctx, one.(T), options))
}

func (t typed[T, L, A]) updateStatus(ctx context.Context, one object, options metav1.UpdateOptions) (object, error) {
	client, has := t.client.(interface {
		UpdateStatus(context.Context, T, metav1.UpdateOptions) (T, error)
	})
	if !has {
		return nil, errLacking
	}
	return found(client.UpdateStatus(ctx, one.(T), options))
}

func (t typed[T, L, A]) patch(ctx context.Context, name string, kind types.PatchType, body []byte, options metav1.PatchOptions, subresources ...string) (object, error) {
	return found(t.client.Patch(ctx, name, kind, body, options, subresources...))
}

func (t typed[T, L, A]) apply(ctx context.Context, wanted *unstructured.Unstructured, options metav1.ApplyOptions) (object, error) {
	var configuration A
	if err := json.Unmarshal(jsonOf(wanted), &configuration); err != nil {
		return nil, err
	}
	return found(t.client.Apply(ctx, &configuration, options))
}

func (t typed[T, L, A]) applyStatus(ctx context.Context, wanted *unstructured.Unstructured, options metav1.ApplyOptions) (object, error) {
	client, has := t.client.(interface {
		ApplyStatus(context.Context, *A, metav1.ApplyOptions) (T, error)
	})
	if !has {
		return nil, errLacking
	}
	var configuration A
	if err := json.Unmarshal(jsonOf(wanted), &configuration); err != nil {
		return nil, err
	}
	return found(client.ApplyStatus(ctx, &configuration, options))
}

func (t typed[T, L, A]) delete(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return t.client.Delete(ctx, name, options)
}

func (t typed[T, L, A]) deleteCollection(ctx context.Context, options metav1.DeleteOptions, which metav1.ListOptions) error {
	client, has := t.client.(interface {
		DeleteCollection(context.Context, metav1.DeleteOptions, metav1.ListOptions) error
	})
	if !has {
		return errLacking
	}
	return client.DeleteCollection(ctx, options, which)
}
