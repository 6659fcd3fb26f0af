"""Admission webhooks that change what the reconciler sends, at create or at every write."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from models.kinds import POD, SERVICE, Key, Kind
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import ROLE, TEMPLATE_HASH
from reconciler.wire.protocol import Body, Reply, Subresource

THEIRS = "example.com/theirs"
"""A label or annotation that someone else puts on objects; it is none of the reconciler's business."""
FINALIZER = "kueue.x-k8s.io/managed"
GATE = "kueue.x-k8s.io/admission"
"""Kueue's."""
INJECTED = "injected"
"""The name of each container, variable and toleration that a webhook adds."""


def _containers(body: Body) -> list[Any]:
    containers: list[Any] = body["spec"]["containers"]
    return containers


def _without_annotation(name: str) -> Callable[[Body], None]:
    return lambda body: body["metadata"].get("annotations", {}).pop(name, None)


def _without_user_labels(body: Body) -> None:
    labels = body["metadata"].get("labels", {})
    body["metadata"]["labels"] = {name: value for name, value in labels.items() if name != "team"}


def _labelled(body: Body) -> None:
    body["metadata"].setdefault("labels", {})[THEIRS] = "webhook"


def _with_variable(body: Body) -> None:
    _containers(body)[0].setdefault("env", []).append({"name": INJECTED.upper(), "value": "x"})


def _with_sidecar(body: Body) -> None:
    _containers(body).append({"name": INJECTED, "image": "sidecar"})


def _with_toleration(body: Body) -> None:
    body["spec"].setdefault("tolerations", []).append({"key": INJECTED, "operator": "Exists"})


def _with_request(body: Body) -> None:
    _containers(body)[0].setdefault("resources", {})["requests"] = {"cpu": "10m"}


def _with_finalizer(body: Body) -> None:
    body["metadata"].setdefault("finalizers", []).append(FINALIZER)


def _with_gate(body: Body) -> None:
    body["spec"].setdefault("schedulingGates", []).append({"name": GATE})


AT_CREATE: Mapping[str, tuple[Kind, Callable[[Body], Any]]] = {
    "adds a label to Pods": (POD, _labelled),
    "adds a label to Services": (SERVICE, _labelled),
    "adds a variable": (POD, _with_variable),
    "adds a sidecar": (POD, _with_sidecar),
    "adds a toleration": (POD, _with_toleration),
    "adds a request": (POD, _with_request),
    "adds a finalizer": (POD, _with_finalizer),
    "adds a gate": (POD, _with_gate),
    "drops the template hash": (POD, _without_annotation(TEMPLATE_HASH)),
    "drops the role of Pods": (POD, _without_annotation(ROLE)),
    "drops the role of Services": (SERVICE, _without_annotation(ROLE)),
}
ALWAYS: Mapping[str, tuple[Kind, Callable[[Body], Any]]] = {
    "takes a label off Pods": (POD, _without_user_labels),
    "takes a label off Services": (SERVICE, _without_user_labels),
}
WEBHOOKS = (*AT_CREATE, *ALWAYS)


class Webhooks:
    """The API protocol, with webhooks in front of it.

    Args:
        api: The API.

    Attributes:
        on: The names of those that act.
        struck: Those that have changed something.
    """

    def __init__(self, api: MemoryAPI) -> None:
        self._api = api
        self.on: set[str] = set()
        self.struck: set[str] = set()

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        """The objects of a kind."""
        return self._api.list(kind, namespace, labels=labels, fields=fields)

    def create(self, kind: Kind, body: Body) -> Reply:
        """Create the object, as the webhooks make it."""
        changed = deepcopy(body)
        for name in sorted(self.on):
            of, change = {**AT_CREATE, **ALWAYS}[name]
            if of == kind:
                before = deepcopy(changed)
                change(changed)
                self.struck |= {name} if changed != before else set()
        return self._api.create(kind, changed)

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Change the object, and then again as the webhooks want it."""
        reply = self._api.patch(key, body, subresource)
        return self._changed(key, reply)

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Apply fields."""
        return self._api.apply(key, body, subresource)

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        """Delete an object."""
        return self._api.delete(key, uid, resource_version)

    def release(self) -> None:
        """Their controllers let go of what they held: finalizers and gates."""
        for pod in self._api.objects(POD):
            meta, gates = pod["metadata"], pod["spec"].get("schedulingGates", ())
            key = Key(POD, meta["namespace"], meta["name"])
            if GATE in [gate["name"] for gate in gates]:
                self._api.edit(key, _without_gate)
            if FINALIZER in meta.get("finalizers", ()):
                self._api.edit(key, {"metadata": {"finalizers": None}})

    def _changed(self, key: Key, reply: Reply) -> Reply:
        for name in sorted(self.on & ALWAYS.keys()):
            kind, change = ALWAYS[name]
            if kind == key.kind:
                edited = self._api.edit(key, change)
                self.struck |= {name} if edited != reply.body else set()
                reply = Reply(edited, reply.warnings)
        return reply


def _without_gate(body: Body) -> None:
    gates = [gate for gate in body["spec"]["schedulingGates"] if gate["name"] != GATE]
    body["spec"].pop("schedulingGates")
    if gates:
        body["spec"]["schedulingGates"] = gates
