package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const finalizer = "example.com/managed"

// A reconciler keeps a config map for each deployment, and says so in its status.
type reconciler struct {
	client.Client
	kind *unstructured.Unstructured
}

func (r reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	found := r.kind.DeepCopy()
	if err := r.Get(ctx, request.NamespacedName, found); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !found.GetDeletionTimestamp().IsZero() {
		controllerutil.RemoveFinalizer(found, finalizer)
		return reconcile.Result{}, r.Update(ctx, found)
	}
	if controllerutil.AddFinalizer(found, finalizer) {
		return reconcile.Result{}, r.Update(ctx, found)
	}
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: found.GetName(), Namespace: found.GetNamespace()}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, owned, func() error {
		owned.Data = map[string]string{"generation": fmt.Sprint(found.GetGeneration())}
		return controllerutil.SetControllerReference(found, owned, r.Scheme())
	})
	if err != nil {
		return reconcile.Result{}, err
	}
	before := found.DeepCopy()
	_ = unstructured.SetNestedField(found.Object, found.GetGeneration(), "status", "observedGeneration")
	return reconcile.Result{}, r.Status().Patch(ctx, found, client.MergeFrom(before))
}

// manage runs controller-runtime's manager, elected, with a controller of a kind of Coppice.
func (w world) manage() *report {
	told := &report{title: "manager "}
	wanted := w.named("ServiceDeployment", "managed")
	kind := &unstructured.Unstructured{}
	kind.SetGroupVersionKind(wanted.GroupVersionKind())
	// Other clients' deployments are left alone.
	only := cache.ByObject{Field: fields.OneTermEqualSelector("metadata.name", "managed")}
	running := must(manager.New(w.config, manager.Options{
		Scheme: known, Metrics: metrics.Options{BindAddress: "0"}, Cache: cache.Options{ByObject: map[client.Object]cache.ByObject{kind: only}},
		LeaderElection: true, LeaderElectionID: "managed", LeaderElectionNamespace: "default", LeaderElectionReleaseOnCancel: true,
	}))
	by := reconciler{running.GetClient(), kind}
	must("done", builder.ControllerManagedBy(running).For(kind.DeepCopy()).Owns(&corev1.ConfigMap{}).Complete(by))
	ctx, stop := context.WithCancel(w)
	ended := make(chan error, 1)
	go func() { ended <- running.Start(ctx) }()
	w.change(told, wanted)
	stop()
	told.do("end", func() error { return <-ended })
	w.traffic.report(told)
	return told
}

// change has the controller act: on a new deployment, on its change, on the loss of what it made, on the end.
func (w world) change(told *report, wanted *unstructured.Unstructured) {
	deployment := life{w, w.dynamicCaller(wanted), told, wanted}
	owned := w.named("ConfigMap", "managed")
	made := life{w, w.dynamicCaller(owned), told, owned}
	reconciled := func(title, generation string) {
		step(told, title, func() ([]object, error) {
			return pair(w, deployment, made, func(one, other *unstructured.Unstructured) bool {
				observed, _, _ := unstructured.NestedInt64(one.Object, "status", "observedGeneration")
				data, _, _ := unstructured.NestedString(other.Object, "data", "generation")
				return data == generation && fmt.Sprint(observed) == generation
			})
		})
	}
	must(deployment.create(w, wanted, metav1.CreateOptions{}))
	reconciled("reconciles what is new", "1")
	change := []byte(`{"spec":{"replicas":2}}`)
	must(deployment.caller.patch(w, "managed", types.MergePatchType, change, metav1.PatchOptions{}))
	reconciled("reconciles a change", "2")
	must("done", made.delete(w, "managed", metav1.DeleteOptions{}))
	reconciled("makes again what is lost", "2")
	must("done", deployment.delete(w, "managed", metav1.DeleteOptions{}))
	told.do("lets it go", deployment.gone)
	told.do("what it made goes, too", made.gone)
}

// pair waits until that holds of both.
func pair(ctx context.Context, one, other life, holds func(one, other *unstructured.Unstructured) bool) (both []object, err error) {
	err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		first, err := one.get(ctx, one.name())
		if err != nil {
			return false, err
		}
		second, err := other.get(ctx, other.name())
		if err != nil {
			return false, nil
		}
		both = []object{first, second}
		return holds(first.(*unstructured.Unstructured), second.(*unstructured.Unstructured)), nil
	})
	return both, err
}
