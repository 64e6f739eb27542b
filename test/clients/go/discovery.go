package main

import (
	"slices"

	autoscaling "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	extractors "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// discover asks for what there is: as groups in one document, and by document after document.
func (w world) discover() *report {
	told := &report{}
	for _, form := range []string{"aggregated", "legacy"} {
		client := discovery.NewDiscoveryClientForConfigOrDie(w.config)
		client.UseLegacyDiscovery = form == "legacy"
		told.title = "discovery, " + form + ", "
		step(told, "groups", func() (any, error) { return w.groups(client) })
		step(told, "resources", func() (any, error) {
			_, lists, err := client.ServerGroupsAndResources()
			return w.resources(lists), err
		})
		step(told, "preferred resources", func() (any, error) {
			lists, err := client.ServerPreferredResources()
			return w.resources(lists), err
		})
		mapper := restmapper.NewDiscoveryRESTMapper(must(restmapper.GetAPIGroupResources(client)))
		for _, wanted := range w.wanted(w.client) {
			step(told, "mapping of "+wanted.GetKind(), func() (any, error) {
				mapping, err := mapper.RESTMapping(wanted.GroupVersionKind().GroupKind())
				if err != nil {
					return nil, err
				}
				return []any{mapping.Resource, mapping.GroupVersionKind, mapping.Scope.Name()}, nil
			})
		}
	}
	told.title = "discovery, "
	w.extract(told)
	w.scale(told, w.mapper)
	return told
}

// isServed says whether it is of a group of the objects: kube-apiserver serves more.
func (w world) isServed(group string) bool {
	return slices.ContainsFunc(w.wanted(w.client), func(wanted *unstructured.Unstructured) bool {
		return wanted.GroupVersionKind().Group == group
	})
}

func (w world) groups(client discovery.ServerGroupsInterface) (any, error) {
	all, err := client.ServerGroups()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all.Groups, func(one metav1.APIGroup) bool { return !w.isServed(one.Name) }), nil
}

// resources are those of the objects' kinds, by name: neither the client nor definitions have an order.
func (w world) resources(lists []*metav1.APIResourceList) map[string]metav1.APIResource {
	found := map[string]metav1.APIResource{}
	for _, list := range lists {
		for _, one := range list.APIResources {
			isWanted := slices.ContainsFunc(w.wanted(w.client), func(wanted *unstructured.Unstructured) bool {
				return wanted.GetAPIVersion() == list.GroupVersion && wanted.GetKind() == one.Kind
			})
			if isWanted {
				found[list.GroupVersion+" "+one.Name] = one
			}
		}
	}
	return found
}

// extract reads from OpenAPI which fields of an object somebody has applied.
func (w world) extract(told *report) {
	extractor := must(extractors.NewUnstructuredExtractor(discovery.NewDiscoveryClientForConfigOrDie(w.config)))
	for _, wanted := range w.wanted(w.client) {
		if wanted.GetKind() == "IPLease" {
			// Its name is an address, which another client may hold.
			continue
		}
		if wanted.GetNamespace() != "" {
			wanted.SetName("extracted")
		}
		calls := w.dynamicCaller(wanted)
		step(told, "what was applied of "+wanted.GetAPIVersion()+" "+wanted.GetKind(), func() (any, error) {
			applied, err := calls.apply(w, wanted, metav1.ApplyOptions{FieldManager: "extractor"})
			if err != nil {
				return nil, err
			}
			return extractor.Extract(applied.(*unstructured.Unstructured), "extractor")
		})
		_ = calls.delete(w, wanted.GetName(), metav1.DeleteOptions{})
	}
}

// scale changes the size of a deployment by the client for scales of any kind.
func (w world) scale(told *report, mapper meta.RESTMapper) {
	wanted := w.named("ServiceDeployment", "scaled")
	calls := w.dynamicCaller(wanted)
	must(calls.create(w, wanted, metav1.CreateOptions{}))
	kinds := scale.NewDiscoveryScaleKindResolver(discovery.NewDiscoveryClientForConfigOrDie(w.config))
	scales := must(scale.NewForConfig(w.config, mapper, dynamic.LegacyAPIPathResolverFunc, kinds)).Scales("default")
	resource := w.resource(wanted).Resource
	step(told, "scale of what has no replicas", func() (any, error) { return scales.Get(w, resource.GroupResource(), "scaled", metav1.GetOptions{}) })
	step(told, "scale by patch", func() (any, error) {
		return scales.Patch(w, resource, "scaled", types.MergePatchType, []byte(`{"spec":{"replicas":3}}`), metav1.PatchOptions{})
	})
	step(told, "scale by update", func() (any, error) {
		found, err := scales.Get(w, resource.GroupResource(), "scaled", metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		found.Spec.Replicas = 2
		return scales.Update(w, resource.GroupResource(), found, metav1.UpdateOptions{})
	})
	sizes, size := w.runtimeClient().SubResource("scale"), &unstructured.Unstructured{}
	size.SetGroupVersionKind(autoscaling.SchemeGroupVersion.WithKind("Scale"))
	step(told, "scale by controller-runtime", func() (any, error) { return size, sizes.Get(w, wanted, size) })
	step(told, "scale by controller-runtime's update", func() (any, error) {
		_ = unstructured.SetNestedField(size.Object, int64(4), "spec", "replicas")
		return size, sizes.Update(w, wanted, client.WithSubResourceBody(size))
	})
	must("done", calls.delete(w, "scaled", metav1.DeleteOptions{}))
}

// named is the object of a kind, by another name.
func (w world) named(kind, name string) *unstructured.Unstructured {
	all := w.wanted(w.client)
	one := all[slices.IndexFunc(all, func(wanted *unstructured.Unstructured) bool { return wanted.GetKind() == kind })]
	one.SetName(name)
	return one
}
