package main

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// isByControllers says whether controllers write this kind, too, at times of their own.
func (l life) isByControllers() bool {
	return l.wanted.GetKind() == "Namespace" || l.wanted.GetKind() == "CustomResourceDefinition"
}

// A trail is what a watch shows of one object.
type trail struct {
	life   life
	seen   chan []any
	failed error
}

// follow watches the object from now until it was deleted twice.
func follow(l life) *trail {
	watcher, err := l.watch(l, metav1.ListOptions{FieldSelector: "metadata.name=" + l.name()})
	all := &trail{life: l, seen: make(chan []any, 1), failed: err}
	if err == nil {
		go all.collect(watcher)
	}
	return all
}

func (e *trail) collect(watcher watch.Interface) {
	defer watcher.Stop()
	var seen []any
	for deleted := 0; deleted < 2; {
		event, isOpen := <-watcher.ResultChan()
		if !isOpen {
			seen = append(seen, "the watch ended")
			break
		}
		if event.Type == watch.Deleted {
			deleted++
		}
		if one := alike(e.brief(event)); len(seen) == 0 || textOf(one) != textOf(seen[len(seen)-1]) {
			seen = append(seen, one)
		}
	}
	e.seen <- seen
}

func (e *trail) brief(event watch.Event) any {
	found, isObject := event.Object.(object)
	if !isObject || !e.life.isByControllers() {
		return []any{event.Type, event.Object}
	}
	return []any{event.Type, found.GetLabels(), found.GetAnnotations()}
}

func (e *trail) show() {
	step(e.life.report, "watch", func() ([]any, error) {
		if e.failed != nil {
			return nil, e.failed
		}
		select {
		case seen := <-e.seen:
			return seen, nil
		case <-time.After(patience):
			return []any{"the watch showed too little"}, nil
		}
	})
}
