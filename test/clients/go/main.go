// The life of an object of every kind, by Go's default clients: `go run . KUBECONFIG OBJECTS`. Prints a line of JSON for each step,
// in which what differs from run to run is replaced.
package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// A world is the server as one client sees it, and what to make in it.
type world struct {
	context.Context
	client  string
	config  *rest.Config
	mapper  meta.RESTMapper
	objects string
	traffic *traffic
}

func main() {
	log.SetLogger(logr.Discard())
	kubeconfig, objects := os.Args[1], string(must(os.ReadFile(os.Args[2])))
	clients := []struct {
		name string
		act  func(world) *report
	}{
		{"clientset", func(w world) *report { return w.lives(w.typedCaller) }},
		{"dynamic", func(w world) *report { return w.lives(w.dynamicCaller) }},
		{"metadata", func(w world) *report { return w.lives(w.metadataCaller) }},
		{"runtime", func(w world) *report { return w.lives(w.runtimeTyped) }},
		{"runtime-maps", func(w world) *report { return w.lives(w.runtimeUntyped) }},
		{"informers", func(w world) *report { return w.each(w.inform(w.typedInformer)) }},
		{"dynamic-informers", func(w world) *report { return w.each(w.inform(w.dynamicInformer)) }},
		{"metadata-informers", func(w world) *report { return w.each(w.inform(w.metadataInformer)) }},
		{"discovery", world.discover},
		{"others", world.others},
		{"manager", world.manage},
	}
	reports := make([]*report, len(clients))
	var all sync.WaitGroup
	for index, one := range clients {
		all.Go(func() { reports[index] = one.act(newWorld(one.name, kubeconfig, objects)) })
	}
	all.Wait()
	for _, one := range reports {
		one.print()
	}
}

func newWorld(client, kubeconfig, objects string) world {
	config := must(clientcmd.BuildConfigFromFlags("", kubeconfig))
	// The clients' own limit of 5 requests a second makes no other requests, only slower ones.
	config.QPS = -1
	seen := newTraffic()
	config.Wrap(seen.watched)
	found := memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(config))
	return world{context.Background(), client, config, restmapper.NewDeferredDiscoveryRESTMapper(found), objects, seen}
}

// turns has objects of the same name live one after the other, whichever clients they live by.
var turns sync.Map

// each acts on every object in its turn; the client's name is in some names of objects.
func (w world) each(act func(*report, *unstructured.Unstructured)) *report {
	told := &report{}
	for _, wanted := range w.wanted(w.client) {
		turn, _ := turns.LoadOrStore(wanted.GetAPIVersion()+wanted.GetKind()+wanted.GetName(), &sync.Mutex{})
		turn.(*sync.Mutex).Lock()
		told.title = w.client + " " + wanted.GetAPIVersion() + " " + wanted.GetKind() + " "
		act(told, wanted)
		turn.(*sync.Mutex).Unlock()
	}
	told.title = w.client + " "
	w.traffic.report(told)
	return told
}

// lives has every object live that a client has calls for.
func (w world) lives(by func(*unstructured.Unstructured) caller) *report {
	return w.each(func(told *report, wanted *unstructured.Unstructured) {
		if calls := by(wanted); calls != nil {
			live(w, calls, told, wanted)
		}
	})
}

func (w world) wanted(client string) []*unstructured.Unstructured {
	var all []map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(w.objects, "CLIENT", client)), &all); err != nil {
		panic(err)
	}
	wanted := make([]*unstructured.Unstructured, len(all))
	for index, content := range all {
		wanted[index] = &unstructured.Unstructured{Object: content}
	}
	return wanted
}

func (w world) resource(wanted *unstructured.Unstructured) *meta.RESTMapping {
	kind := wanted.GroupVersionKind()
	return must(w.mapper.RESTMapping(kind.GroupKind(), kind.Version))
}

func (w world) dynamicCaller(wanted *unstructured.Unstructured) caller {
	client := must(dynamic.NewForConfig(w.config)).Resource(w.resource(wanted).Resource)
	if namespace := wanted.GetNamespace(); namespace != "" {
		return raw{client.Namespace(namespace)}
	}
	return raw{client}
}

func (w world) metadataCaller(wanted *unstructured.Unstructured) caller {
	creating := w.dynamicCaller(wanted).(raw)
	client := must(metadata.NewForConfig(w.config)).Resource(w.resource(wanted).Resource)
	if namespace := wanted.GetNamespace(); namespace != "" {
		return metaOnly{creating, client.Namespace(namespace)}
	}
	return metaOnly{creating, client}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
