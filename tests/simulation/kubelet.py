"""What the scheduler and the kubelets do to Pods, one step at a time.

    unscheduled ──► scheduled ──► running ──► ready        a gated Pod stays unscheduled
                        │            └──► Failed           image `crash`: at once
                        └─ Terminating ──► gone            at the latest at its deadline, unless its node is dead

Everything follows from the Pods, the time and which nodes are dead; nothing is random.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zlib import crc32

from models.base import wire_time
from models.kinds import POD, SERVICE, Key
from reconciler.memory import MemoryAPI
from reconciler.wire.protocol import Body
from tests.simulation.clock import Clock

NODES = ("node-0", "node-1", "node-2")
CRASHING = "crash"
NEVER_READY = "sleepy"
FULL = "too-large"


class Kubelet:
    """Moves each Pod one step on.

    Args:
        api: Where the Pods are.
        clock: The time.
    """

    def __init__(self, api: MemoryAPI, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self.dead: set[str] = set()

    def step(self) -> int:
        """Move every Pod one step on, and give load balancers their addresses; how many moved."""
        pods = sum(self._ends(body) if _is_leaving(body) else self._moves(body) for body in self._api.objects(POD))
        return pods + sum(self._balances(body) for body in self._api.objects(SERVICE))

    def kill(self, node: str) -> None:
        """A node is lost: its Pods are no longer ready, and nobody ends them."""
        self.dead.add(node)
        for body in self._on(node):
            if body["status"].get("phase") == "Running":
                self._set(body, ready=False)

    def revive(self, node: str) -> None:
        """A lost node is back."""
        self.dead.discard(node)

    def end(self, body: Body, phase: str, **status: Any) -> None:
        """A Pod's containers end for good."""
        exit_code = 0 if phase == "Succeeded" else 1
        ended = {"terminated": {"exitCode": exit_code, "finishedAt": wire_time(self._clock())}}
        containers = [{"name": "main", "ready": False, "restartCount": 0, "state": ended}]
        conditions = [self._condition("Ready", holds=False), *status.pop("conditions", [])]
        update = {"phase": phase, "containerStatuses": containers, "conditions": conditions, **status}
        self._write(body, {**body["status"], **update})

    def evict(self, body: Body) -> None:
        """A Pod is evicted from its node."""
        disrupted = [{**self._condition("DisruptionTarget", holds=True), "reason": "TerminationByKubelet"}]
        self.end(body, "Failed", reason="Evicted", conditions=disrupted)

    def doom(self, body: Body) -> None:
        """A Pod is about to be taken away, as its eviction or its preemption says before it begins."""
        conditions = [one for one in body["status"].get("conditions", ()) if one["type"] != "DisruptionTarget"]
        doomed = {**self._condition("DisruptionTarget", holds=True), "reason": "EvictionByEvictionAPI"}
        self._write(body, {**body["status"], "conditions": [*conditions, doomed]})

    def unready(self, body: Body) -> None:
        """A Pod's readiness probe fails for a moment."""
        self._set(body, ready=False)

    def _moves(self, body: Body) -> bool:
        spec, meta, phase = body["spec"], body["metadata"], body["status"].get("phase")
        if phase in ("Succeeded", "Failed") or spec.get("nodeName") in self.dead or spec.get("schedulingGates"):
            return False
        image = spec["containers"][0]["image"] if spec.get("containers") else ""
        if not spec.get("nodeName"):
            return image != FULL and self._bind(meta)
        if phase == "Pending":
            self._set(body, ready=False)
            return True
        if image == CRASHING:
            self.end(body, "Failed")
            return True
        is_changing = image != NEVER_READY and not (_is_ready(body) and body["status"].get("podIP"))
        if is_changing:
            self._set(body, ready=True)
        return is_changing

    def _balances(self, body: Body) -> bool:
        key = Key(SERVICE, body["metadata"]["namespace"], body["metadata"]["name"])
        if body["spec"].get("type") != "LoadBalancer" or body.get("status", {}).get("loadBalancer"):
            return False
        self._api.set_status(key, {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})
        return True

    def _bind(self, meta: Body) -> bool:
        alive = [node for node in NODES if node not in self.dead]
        if alive:
            self._api.bind(_key(meta), alive[crc32(meta["name"].encode()) % len(alive)])
        return bool(alive)

    def _ends(self, body: Body) -> bool:
        """Half of the Pods end at once when asked to, the others take all the time they are given."""
        meta = body["metadata"]
        is_quick = crc32(meta["uid"].encode()) % 2 == 0
        deadline = datetime.fromisoformat(meta["deletionTimestamp"])
        if body["spec"].get("nodeName") in self.dead or not (is_quick or deadline <= self._clock()):
            return False
        if meta.get("finalizers"):
            is_over = body["status"].get("phase") in ("Succeeded", "Failed")
            if not is_over:
                self.end(body, "Failed")
            return not is_over
        self._api.remove(_key(meta))
        return True

    def _set(self, body: Body, *, ready: bool) -> None:
        started = body["status"].get("startTime", wire_time(self._clock()))
        containers = [{"name": "main", "ready": ready, "restartCount": 0, "state": {"running": {}}}]
        conditions = [self._condition("PodScheduled", holds=True), self._condition("Ready", holds=ready)]
        running = {"phase": "Running", "startTime": started, "conditions": conditions, "containerStatuses": containers}
        address = f"10.0.{crc32(body['metadata']['uid'].encode()) % 250}.1"
        self._write(body, {**body["status"], **running, "podIP": address})

    def _write(self, body: Body, status: Body) -> None:
        self._api.set_status(_key(body["metadata"]), status)

    def _on(self, node: str) -> Iterator[Body]:
        return (body for body in self._api.objects(POD) if body["spec"].get("nodeName") == node)

    def _condition(self, type_: str, *, holds: bool) -> Body:
        return {"type": type_, "status": str(holds), "lastTransitionTime": wire_time(self._clock())}


def _is_leaving(body: Body) -> bool:
    return "deletionTimestamp" in body["metadata"]


def _is_ready(body: Body) -> bool:
    conditions = body["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _key(meta: Body) -> Key:
    return Key(POD, meta["namespace"], meta["name"])
