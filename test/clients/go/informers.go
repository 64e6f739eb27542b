package main

import (
	"context"
	"sync"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	definitions "k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

func (w world) typedInformer(wanted *unstructured.Unstructured) cache.SharedIndexInformer {
	resource := w.resource(wanted).Resource
	if generic, err := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(w.config), 0).ForResource(resource); err == nil {
		return generic.Informer()
	}
	client := apiextensions.NewForConfigOrDie(w.config)
	if generic, err := definitions.NewSharedInformerFactory(client, 0).ForResource(resource); err == nil {
		return generic.Informer()
	}
	return nil
}

func (w world) dynamicInformer(wanted *unstructured.Unstructured) cache.SharedIndexInformer {
	client := dynamic.NewForConfigOrDie(w.config)
	return dynamicinformer.NewDynamicSharedInformerFactory(client, 0).ForResource(w.resource(wanted).Resource).Informer()
}

func (w world) metadataInformer(wanted *unstructured.Unstructured) cache.SharedIndexInformer {
	client := metadata.NewForConfigOrDie(w.config)
	return metadatainformer.NewSharedInformerFactory(client, 0).ForResource(w.resource(wanted).Resource).Informer()
}

// inform has an informer see an object that is there, its change and its end.
func (w world) inform(by func(*unstructured.Unstructured) cache.SharedIndexInformer) func(*report, *unstructured.Unstructured) {
	return func(told *report, wanted *unstructured.Unstructured) {
		informer := by(wanted)
		if informer == nil {
			return
		}
		life := life{w, w.dynamicCaller(wanted), told, wanted}
		seen := &sightings{store: informer.GetStore(), life: life}
		must(informer.AddEventHandler(seen))
		must(life.create(w, wanted, metav1.CreateOptions{}))
		life.settle()
		running, end := context.WithCancel(w)
		defer end()
		go informer.Run(running.Done())
		seen.wait("the object", func(found object) bool { return found != nil })
		must(life.caller.patch(w, life.name(), types.MergePatchType, []byte(`{"metadata":{"labels":{"seen":"yes"}}}`), metav1.PatchOptions{}))
		seen.wait("its change", func(found object) bool { return found != nil && found.GetLabels()["seen"] == "yes" })
		_ = life.delete(w, life.name(), metav1.DeleteOptions{})
		seen.wait("its end", func(found object) bool { return found == nil })
		step(told, "events", func() ([]string, error) { return seen.list(), nil })
	}
}

// A sightings is what an informer tells of one object.
type sightings struct {
	life
	store cache.Store
	mutex sync.Mutex
	seen  []string
}

// wait reports what the store has when that holds.
func (s *sightings) wait(title string, holds func(object) bool) {
	step(s.report, title, func() (found object, err error) {
		err = wait.PollUntilContextTimeout(s.life, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
			found = s.current()
			return holds(found), nil
		})
		return found, err
	})
}

func (s *sightings) current() object {
	key := must(cache.MetaNamespaceKeyFunc(s.wanted))
	if item, has, _ := s.store.GetByKey(key); has {
		return item.(object)
	}
	return nil
}

func (s *sightings) note(item any, what string) {
	if lost, isLost := item.(cache.DeletedFinalStateUnknown); isLost {
		item = lost.Obj
	}
	if one, isObject := item.(object); !isObject || one.GetName() != s.name() || one.GetNamespace() != s.wanted.GetNamespace() {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	// Controllers change some kinds, too.
	if len(s.seen) == 0 || s.seen[len(s.seen)-1] != what {
		s.seen = append(s.seen, what)
	}
}

// list waits for the last: handlers are called after the store has changed.
func (s *sightings) list() []string {
	_ = wait.PollUntilContextTimeout(s.life, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return len(s.seen) > 0 && s.seen[len(s.seen)-1] == "deleted", nil
	})
	return s.seen
}

func (s *sightings) OnAdd(item any, isInInitialList bool) {
	if isInInitialList {
		s.note(item, "listed")
	} else {
		s.note(item, "added")
	}
}

func (s *sightings) OnUpdate(_, item any) { s.note(item, "updated") }

func (s *sightings) OnDelete(item any) { s.note(item, "deleted") }
