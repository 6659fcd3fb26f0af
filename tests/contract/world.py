"""A place to try the API's rules in: a fresh namespace, in memory or on a real API server."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from models.kinds import EVENT, POD, SERVICE, Key, kind_of
from reconciler.wire.protocol import API, Body, Watcher
from tests.manifests import Manifest, group, manifest, pod_spec
from tests.realcluster.eventually import eventually

FINALIZER = "example.com/held"
GATE = {"name": "example.com/wait"}
ABSENT_UID = "11111111-2222-4333-8444-555555555555"


class Kubernetes(API, Watcher, Protocol):
    """All that is asked of Kubernetes."""


@dataclass(frozen=True)
class World:
    """An API and a namespace of its own.

    Attributes:
        api: what is tested.
        namespace: a fresh one.
        another_namespace: makes one more.
        end: removes an object at once, as a kubelet does when a Pod's containers have ended.
        deadline_seconds: how long what happens in the background may take.
        forget: makes the version that it gives back too old to watch from.
        watch_seconds: how long a watch must last to end with a bookmark.
    """

    api: Kubernetes
    namespace: str
    another_namespace: Callable[[], str]
    end: Callable[[Key], None]
    deadline_seconds: float
    forget: Callable[[], str]
    watch_seconds: int

    def placed(self, body: Manifest, **metadata: Any) -> Body:
        """The manifest with a namespace and more metadata."""
        return {**body, "metadata": {"namespace": self.namespace, **body["metadata"], **metadata}}

    def create(self, body: Manifest, **metadata: Any) -> Body:
        """Create an object here; gives it back as it is then."""
        placed = self.placed(body, **metadata)
        kind = kind_of(body["apiVersion"], body["kind"])
        assert kind is not None
        return self.api.create(kind, placed).body

    def listing(self, body: Manifest, **selectors: str) -> Body:
        """The list of this kind here, parsed."""
        listed: Body = json.loads(self.api.list(key_of(body).kind, self.namespace, **selectors))
        return listed

    def names(self, body: Manifest, **selectors: str) -> list[str]:
        """The names of the objects of this kind here that the selectors choose."""
        return [item["metadata"]["name"] for item in self.listing(body, **selectors)["items"]]

    def get(self, key: Key) -> Body | None:
        """An object, or `None`."""
        listed = json.loads(self.api.list(key.kind, key.namespace, fields=f"metadata.name={key.name}"))
        items: list[Body] = listed["items"]
        return items[0] if items else None

    def sees(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something holds that happens in the background."""
        eventually(condition, what, deadline_seconds=self.deadline_seconds)


def key_of(body: Manifest) -> Key:
    """The key of an object that knows its namespace, or has none yet."""
    kind = kind_of(body["apiVersion"], body["kind"])
    assert kind is not None
    return Key(kind, body["metadata"].get("namespace", ""), body["metadata"]["name"])


def uid(body: Body) -> str:
    found: str = body["metadata"]["uid"]
    return found


def version(body: Body) -> int:
    return int(body["metadata"]["resourceVersion"])


def generation(body: Body) -> int | None:
    found: int | None = body["metadata"].get("generation")
    return found


def owner(body: Body, **more: Any) -> Body:
    """A reference to an object as its dependents' owner."""
    identity = {"apiVersion": body["apiVersion"], "kind": body["kind"]}
    return {**identity, "name": body["metadata"]["name"], "uid": uid(body), **more}


def pod(name: str = "p", **spec: Any) -> Manifest:
    return manifest(POD, name, {**pod_spec(), **spec})


def running_pod(name: str = "p", **spec: Any) -> Manifest:
    """A Pod on a node, so that a kubelet must end it."""
    return pod(name, nodeName="a-node", **spec)


def service(name: str = "s", **spec: Any) -> Manifest:
    ports = [{"name": "comm", "port": 8786}, {"name": "dashboard", "port": 8787}]
    return manifest(SERVICE, name, {"selector": {"app": "dask"}, "ports": ports, **spec})


def event(namespace: str, name: str = "e", **more: Any) -> Manifest:
    about = {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": "p", "uid": "u"}
    return {
        "apiVersion": EVENT.api_version,
        "kind": "Event",
        "metadata": {"name": name},
        "involvedObject": about,
        "reason": "Because",
        "message": "It happened.",
        "type": "Normal",
        **more,
    }


EVERY_SORT = (pod(), service(), group())
every_sort = pytest.mark.parametrize("body", EVERY_SORT, ids=lambda body: body["kind"])
WITH_GENERATION = (pod(), group())
