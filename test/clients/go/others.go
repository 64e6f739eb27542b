package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/tools/record"
)

var subject = &corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "recorded"}

// others are what clients do besides: reviews, events, elections, long lists.
func (w world) others() *report {
	told := &report{title: "others "}
	client := kubernetes.NewForConfigOrDie(w.config)
	for _, reason := range []string{"Recorded", "Serial"} {
		must("done", client.CoreV1().Events("default").DeleteCollection(w, metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "reason=" + reason}))
	}
	w.review(told, client)
	w.record(told, client)
	w.recordSeries(told, client)
	w.elect(told, client)
	w.page(told, client)
	w.traffic.report(told)
	return told
}

func (w world) review(told *report, client *kubernetes.Clientset) {
	attributes := &authorization.ResourceAttributes{Namespace: "default", Verb: "get", Resource: "configmaps"}
	spec := authorization.SubjectAccessReviewSpec{User: "somebody", Groups: []string{"some"}, ResourceAttributes: attributes}
	options := metav1.CreateOptions{}
	step(told, "SelfSubjectAccessReview", func() (any, error) {
		review := &authorization.SelfSubjectAccessReview{Spec: authorization.SelfSubjectAccessReviewSpec{ResourceAttributes: attributes}}
		return client.AuthorizationV1().SelfSubjectAccessReviews().Create(w, review, options)
	})
	step(told, "SubjectAccessReview", func() (any, error) {
		return client.AuthorizationV1().SubjectAccessReviews().Create(w, &authorization.SubjectAccessReview{Spec: spec}, options)
	})
	step(told, "LocalSubjectAccessReview", func() (any, error) {
		review := &authorization.LocalSubjectAccessReview{ObjectMeta: metav1.ObjectMeta{Namespace: "default"}, Spec: spec}
		return client.AuthorizationV1().LocalSubjectAccessReviews("default").Create(w, review, options)
	})
	step(told, "SelfSubjectRulesReview", func() (any, error) {
		review := &authorization.SelfSubjectRulesReview{Spec: authorization.SelfSubjectRulesReviewSpec{Namespace: "default"}}
		found, err := client.AuthorizationV1().SelfSubjectRulesReviews().Create(w, review, options)
		// kube-apiserver lists the rules in no order.
		byText := func(one, other any) int { return strings.Compare(textOf(one), textOf(other)) }
		if err == nil {
			slices.SortFunc(found.Status.ResourceRules, func(one, other authorization.ResourceRule) int { return byText(one, other) })
			slices.SortFunc(found.Status.NonResourceRules, func(one, other authorization.NonResourceRule) int { return byText(one, other) })
		}
		return found, err
	})
	step(told, "SelfSubjectReview", func() (any, error) {
		return client.AuthenticationV1().SelfSubjectReviews().Create(w, &authentication.SelfSubjectReview{}, options)
	})
	for _, token := range []string{"token-of-dora", "of nobody", ""} {
		step(told, "TokenReview", func() (any, error) {
			review := &authentication.TokenReview{Spec: authentication.TokenReviewSpec{Token: token}}
			return client.AuthenticationV1().TokenReviews().Create(w, review, options)
		})
	}
}

// record has the same event happen three times: it is counted.
func (w world) record(told *report, client *kubernetes.Clientset) {
	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "clients"})
	for range 3 {
		recorder.Event(subject, corev1.EventTypeNormal, "Recorded", "it happened")
	}
	step(told, "an event, three times", func() (any, error) {
		return w.event(client, "Recorded", func(found corev1.Event) bool { return found.Count == 3 })
	})
}

// recordSeries has one happen twice, by the newer recorder: that makes a series.
func (w world) recordSeries(told *report, client *kubernetes.Clientset) {
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	defer broadcaster.Shutdown()
	must("done", broadcaster.StartRecordingToSinkWithContext(w))
	recorder := broadcaster.NewRecorder(scheme.Scheme, "example.com/clients")
	for range 2 {
		recorder.Eventf(subject, nil, corev1.EventTypeNormal, "Serial", "Living", "it happened")
	}
	step(told, "an event, in series", func() (any, error) {
		return w.event(client, "Serial", func(found corev1.Event) bool { return found.Series != nil })
	})
}

// event waits for an event of that reason; its name has a time.
func (w world) event(client *kubernetes.Clientset, reason string, holds func(corev1.Event) bool) (found corev1.Event, err error) {
	err = wait.PollUntilContextTimeout(w, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		all, err := client.CoreV1().Events("default").List(w, metav1.ListOptions{FieldSelector: "reason=" + reason})
		if err != nil || len(all.Items) != 1 {
			return false, err
		}
		found = all.Items[0]
		return holds(found), nil
	})
	found.Name = ""
	return found, err
}

// elect has one lead, give up, and the other lead.
func (w world) elect(told *report, client *kubernetes.Clientset) {
	leads := make(chan string)
	candidate := func(name string) context.CancelFunc {
		ctx, stop := context.WithCancel(w)
		lock := must(resourcelock.New(resourcelock.LeasesResourceLock, "default", "elected",
			client.CoreV1(), client.CoordinationV1(), resourcelock.ResourceLockConfig{Identity: name}))
		elector := must(leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leads <- name },
				OnStoppedLeading: func() {},
			},
		}))
		go elector.Run(ctx)
		return stop
	}
	stop := candidate("one")
	first := <-leads
	defer candidate("two")()
	// Long enough for both to renew or to try.
	time.Sleep(500 * time.Millisecond)
	stop()
	second := <-leads
	step(told, "election", func() (any, error) {
		lease, err := client.CoordinationV1().Leases("default").Get(w, "elected", metav1.GetOptions{})
		return []any{first, second, lease}, err
	})
}

// page reads a list that is longer than a page.
func (w world) page(told *report, client *kubernetes.Clientset) {
	maps := client.CoreV1().ConfigMaps("default")
	selected := metav1.ListOptions{LabelSelector: "paged"}
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for index := part; index < 600; index += 8 {
				one := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("paged-%03d", index), Labels: map[string]string{"paged": ""}}}
				must(maps.Create(w, one, metav1.CreateOptions{}))
			}
		})
	}
	all.Wait()
	pages := func(list func(context.Context, metav1.ListOptions) (runtime.Object, error)) func() (int, error) {
		return func() (count int, err error) {
			err = pager.New(list).EachListItem(w, selected, func(runtime.Object) error {
				count++
				return nil
			})
			return count, err
		}
	}
	step(told, "pages", pages(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return maps.List(ctx, options)
	}))
	metadata := w.metadataCaller(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": "default"},
	}})
	step(told, "pages of metadata", pages(metadata.list))
	told.do("delete a collection", func() error { return maps.DeleteCollection(w, metav1.DeleteOptions{}, selected) })
	step(told, "pages of nothing", pages(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return maps.List(ctx, options)
	}))
}
