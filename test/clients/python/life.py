"""The life of an object of every kind, by Python's default client: life.py KUBECONFIG OBJECTS.

Prints a line for each step. Objects that are read are sent back as the client's models have them.
"""

import json
import re
import sys

from kubernetes import client, config
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import electionconfig
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

APIS = {
    "v1": client.CoreV1Api,
    "events.k8s.io/v1": client.EventsV1Api,
    "coordination.k8s.io/v1": client.CoordinationV1Api,
    "rbac.authorization.k8s.io/v1": client.RbacAuthorizationV1Api,
    "apiextensions.k8s.io/v1": client.ApiextensionsV1Api,
}
PLURALS = {
    "Host": "hosts",
    "Template": "templates",
    "ServiceDeployment": "servicedeployments",
    "VirtualAppliance": "virtualappliances",
    "IPPool": "ippools",
    "TemplateFollow": "templatefollows",
    "TemplateLabel": "templatelabels",
    "IPLease": "ipleases",
}


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Typed:
    """Built-in kinds, as models."""

    def __init__(self, wanted):
        self.api = APIS[wanted["apiVersion"]]()
        self.wanted = wanted
        namespace = wanted["metadata"].get("namespace")
        self.kind = snake(wanted["kind"]) if namespace is None else "namespaced_" + snake(wanted["kind"])
        self.place = [] if namespace is None else [namespace]
        self.name = wanted["metadata"]["name"]

    def call(self, verb, *args):
        return getattr(self.api, f"{verb}_{self.kind}")(*args)

    def create(self):
        return self.call("create", *self.place, self.wanted)

    def read(self):
        return self.call("read", self.name, *self.place)

    def list(self):
        return self.call("list", *self.place)

    def patch(self, change):
        return self.call("patch", self.name, *self.place, change)

    def replace(self, found):
        return self.call("replace", self.name, *self.place, found)

    def delete(self):
        return self.call("delete", self.name, *self.place)

    @staticmethod
    def label(found, value):
        found.metadata.labels = {**(found.metadata.labels or {}), "changed": value}
        return found

    @staticmethod
    def labels(found):
        return found.metadata.labels


class Custom:
    """Custom resources, as dictionaries."""

    def __init__(self, wanted):
        group, version = wanted["apiVersion"].split("/")
        self.api = client.CustomObjectsApi()
        self.wanted = wanted
        namespace = wanted["metadata"].get("namespace")
        plural = PLURALS[wanted["kind"]]
        self.kind = "cluster_custom_object" if namespace is None else "namespaced_custom_object"
        self.place = [group, version, plural] if namespace is None else [group, version, namespace, plural]
        self.name = wanted["metadata"]["name"]

    def call(self, verb, *args):
        return getattr(self.api, f"{verb}_{self.kind}")(*self.place, *args)

    def create(self):
        return self.call("create", self.wanted)

    def read(self):
        return self.call("get", self.name)

    def list(self):
        return self.call("list")

    def patch(self, change):
        return self.call("patch", self.name, change)

    def replace(self, found):
        return self.call("replace", self.name, found)

    def delete(self):
        return self.call("delete", self.name)

    @staticmethod
    def label(found, value):
        labels = found["metadata"].get("labels") or {}
        return {**found, "metadata": {**found["metadata"], "labels": {**labels, "changed": value}}}

    @staticmethod
    def labels(found):
        return found["metadata"].get("labels")


def step(what, act):
    try:
        result = act()
        print(f"{what}: done")
        return result
    except ApiException as error:
        body = json.loads(error.body) if error.body else {}
        print(f"{what}: {error.status} {body.get('message')}")
    except Exception as error:
        print(f"{what}: {type(error).__name__} {error}")
    return None


def change(one, value):
    """Reads, changes and replaces; again when a controller has written meanwhile."""
    while True:
        try:
            return one.replace(one.label(one.read(), value))
        except ApiException as error:
            if error.status != 409:
                raise


def live(wanted):
    what = f"{wanted['apiVersion']} {wanted['kind']}"
    one = (Typed if wanted["apiVersion"] in APIS else Custom)(wanted)
    step(f"{what} create", one.create)
    step(f"{what} list", one.list)
    step(f"{what} replace", lambda: change(one, "once"))
    step(f"{what} patch", lambda: one.patch({"metadata": {"labels": {"patched": "yes"}}}))
    step(f"{what} replace again", lambda: change(one, "twice"))
    last = step(f"{what} read", one.read)
    labels = (one.labels(last) if last is not None else None) or {}
    print(f"{what} labels: changed {labels.get('changed')}, patched {labels.get('patched')}")
    step(f"{what} delete", one.delete)


def lead():
    """Takes a lease and renews it, as the client's leader election does."""
    lock = LeaseLock("election", "default", "python")
    wanted = electionconfig.Config(
        lock, lease_duration=3, renew_deadline=2, retry_period=1,
        onstarted_leading=lambda: None, onstopped_leading=lambda: None,
    )
    election = LeaderElection(wanted)
    print(f"leader election acquire: {election.acquire()}")
    for _ in range(3):
        print(f"leader election renew: {election.try_acquire_or_renew()}")


def main():
    kubeconfig, objects = sys.argv[1:3]
    config.load_kube_config(kubeconfig)
    with open(objects, encoding="utf8") as file:
        wanted = json.loads(file.read().replace("CLIENT", "python"))
    for one in wanted:
        live(one)
    lead()


main()
