"""A Kubernetes cluster in memory with everyone who acts in it: users, nodes, and the reconciler under watch."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind, kind_of
from models.snapshot import Owner
from reconciler.daemon.settings import Settings
from reconciler.loop import Loop
from reconciler.memory import MemoryAPI, Schemas, read
from reconciler.passes.values import PassResult
from reconciler.rules.labels import CLUSTER_NAME, ROLE, WORKER_GROUP_NAME, Role
from reconciler.wire.protocol import API, Body
from tests.builders import NAMESPACE, manifest
from tests.simulation.clock import Clock, MachineClock
from tests.simulation.journal import Journal
from tests.simulation.kubelet import Kubelet
from tests.simulation.ledger import LEAST_DEADLINE_SECONDS, Ledger
from tests.simulation.schedulers import Schedulers
from tests.simulation.watch import Watch
from tests.simulation.way import Killed, Way
from tests.simulation.webhooks import Webhooks

CRDS = Path(__file__).parents[2] / "crds"
INTERVAL_SECONDS = 5
LONG_SECONDS = 4000
"""Longer than any wait: backoffs, quiet times, grace periods."""
MOST_TICKS = 400


@cache
def schemas() -> Schemas:
    """The schemas of the custom resources, read once."""
    return read(CRDS)


class World:
    """A Kubernetes cluster, in virtual time.

    Args:
        *resources: What users have created already.
        stored: What is there already, as the API server holds it.
        checked: Whether the API server holds objects against their definitions.
        collects_garbage: Whether garbage is collected at once; if not, when `api.collect_garbage` is called.
        request_seconds: How long each request takes.
        through: What stands between the reconciler and the API, if anything.
        **settings: The reconciler's settings.
    """

    def __init__(
        self,
        *resources: Owner,
        stored: Iterable[Body] = (),
        checked: bool = True,
        collects_garbage: bool = True,
        request_seconds: float = 0.0,
        through: Callable[[API], API] = lambda api: api,
        **settings: Any,
    ) -> None:
        self.clock = Clock()
        self.machine = MachineClock(self.clock)
        self.journal = Journal(self.clock.seconds)
        self.collects_garbage = collects_garbage
        checks = schemas() if checked else None
        self.api = MemoryAPI(self.clock, objects=stored, schemas=checks, collects_garbage=collects_garbage)
        self.kubelet = Kubelet(self.api, self.clock)
        self.dask = Schedulers(self.api, self.machine)
        self.webhooks = Webhooks(self.api)
        self.settings = Settings(parallel_writes=1, **settings)
        self.watch = self._watched(request_seconds)
        self.ledger = self.watch.ledger
        self.way = Way(self.watch, self.api, self.clock, self.journal)
        self.way.seconds = request_seconds
        self._front = through(self.way)
        self.results: list[PassResult] = []
        self.restart()
        for resource in resources:
            self.create(resource)

    # The reconciler

    def restart(self) -> None:
        """The reconciler starts anew and has forgotten everything."""
        self.loop = self._loop(self._front, self.machine)

    def _loop(self, front: API, clock: Callable[[], datetime]) -> Loop:
        dask = None if self.settings.no_dask else self.dask
        return Loop(front, self.settings, clock=clock, seconds=self.clock.seconds, schedulers=dask)

    def allow_deletion(self) -> None:
        """The reconciler is started anew without --no-delete."""
        self.settings = self.settings.model_copy(update={"no_delete": False})
        self.watch.no_delete = False
        self.restart()

    def reconcile(self) -> PassResult:
        """One pass, by the first reconciler that survives it."""
        self.way.begin()
        result = self._survived()
        while result is None:
            self.way.revive()
            self.restart()
            result = self._survived()
        self.way.flush()
        assert not result.bugs, result.bugs
        self.results.append(result)
        return result

    def reconcile_trees(self, trees: frozenset[Key]) -> None:
        """A pass over a few trees, as hints bring it about."""
        self.way.begin()
        self.ledger.lists(DASK_JOB, None)
        self.watch.begins()
        self.loop._over(trees)
        self.loop._claims.end_small()
        if self.way.breach is not None:
            raise self.way.breach

    def _survived(self) -> PassResult | None:
        """What came of a pass; `None` if the process was killed in it."""
        with suppress(Killed):
            result = self.loop.once()
            if not self.way.is_dead:
                return result
        if self.way.breach is not None:
            raise self.way.breach
        return None

    def rival(self) -> None:
        """Another reconciler, whose clock is right and to whom nothing happens, makes a pass."""
        self.watch.is_touched = self.watch.is_rivalled = True
        other = self._watched(0.0)
        other.clock, other.is_misled = self.clock, True
        way = Way(other, self.api, Clock(self.clock()), self.journal)
        with suppress(Killed):
            self._loop(way, self.clock).once()
        if way.breach is not None:
            raise way.breach

    def during_pass(self, request: int, happens: Callable[[], None]) -> None:
        """Let something happen before so many requests of the next pass."""

        def touch() -> None:
            self.watch.is_touched = True
            happens()

        self.way.before_request(request, touch)

    def _watched(self, request_seconds: float) -> Watch:
        settings = self.settings
        deadline = max(settings.interval, LEAST_DEADLINE_SECONDS)
        ledger = Ledger(self.clock.seconds, settings.deletion_cap, deadline, request_seconds)
        return Watch(self.api, self.webhooks, self.machine, ledger, self.dask, settings.no_delete)

    def tick(self, seconds: float = INTERVAL_SECONDS) -> bool:
        """Time passes, Pods move one step on, the reconciler makes a pass; whether anything happened."""
        self.clock.advance(seconds)
        moved = self.kubelet.step()
        if self.collects_garbage:
            self.api.collect_garbage()
        before = self.watch.writes
        result = self.reconcile()
        return bool(moved or self.watch.writes > before or result.plan.actions or result.failures or result.errors)

    def settle(self, most: int = MOST_TICKS) -> int:
        """Let time pass until nothing happens any more, however long one waits; how many passes that took."""
        passes = 0
        while self.tick() or self.tick(LONG_SECONDS):
            passes += 1
            assert passes <= most, f"not at rest after {most} passes; the last one: {self.last_words()}"
        return passes

    def last_words(self) -> str:
        """What the last pass did and why."""
        result = self.results[-1]
        lines = [f"{one.verb} {one.key}: {one.reason} {one.body}" for one in result.plan.actions]
        lines += [f"{one.result} {one.action.key}: {one.error}" for one in result.failures]
        lines += [f"{one.action.verb} {one.action.key}: {one.action.reason}" for one in result.reports]
        return "\n".join([*lines, *(f"{one.about}: {one.message}" for one in result.plan.findings)])

    # The users

    def create(self, resource: Owner) -> None:
        """A user creates a resource."""
        self.journal.note("user", f"create {resource.kind()} {resource.metadata.name}")
        self.api.create(resource.kind(), manifest(resource))

    def edit(self, key: Key, patch: Body) -> None:
        """A user changes an object, by a merge patch."""
        self.journal.note("user", f"edit {key}: {patch}")
        self.api.edit(key, patch)

    def delete(self, key: Key) -> None:
        """A user deletes an object."""
        body = self.get(key)
        self.journal.note("user", f"delete {key}")
        self.api.delete(key, body["metadata"]["uid"])

    # What there is

    def get(self, key: Key) -> Body:
        """An object that must be there."""
        body = self.api.get(key)
        assert body is not None, f"there is no {key}; {self.describe()}"
        return body

    def has(self, key: Key) -> bool:
        """Whether the object is there."""
        return self.api.get(key) is not None

    def pods(self, role: Role | None = None, *, live: bool = True) -> list[Body]:
        """The Pods in a role, by default only those that are neither ending nor ended."""
        return [
            pod
            for pod in self.api.objects(POD)
            if role in (None, pod["metadata"].get("annotations", {}).get(ROLE)) and (not live or is_live(pod))
        ]

    def workers(self, group: str, *, live: bool = True) -> list[Body]:
        """The workers of a group."""
        labelled = (pod for pod in self.pods(Role.WORKER, live=live))
        return [pod for pod in labelled if pod["metadata"]["labels"].get(WORKER_GROUP_NAME) == group]

    def schedulers(self, cluster: str, *, live: bool = True) -> list[Body]:
        """The schedulers of a cluster."""
        labelled = (pod for pod in self.pods(Role.SCHEDULER, live=live))
        return [pod for pod in labelled if pod["metadata"]["labels"].get(CLUSTER_NAME) == cluster]

    def condition(self, key: Key, type_: str) -> tuple[str, str, str]:
        """Status, reason and message of a condition."""
        conditions = self.get(key).get("status", {}).get("conditions", ())
        found = next((one for one in conditions if one["type"] == type_), None)
        assert found is not None, f"{key} has no condition {type_}: {conditions}"
        return found["status"], found["reason"], found["message"]

    def describe(self) -> str:
        """Everything there is, in short."""
        kinds = (DASK_JOB, DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE)
        return "\n".join(["there are:", *(_line(body) for kind in kinds for body in self.api.objects(kind))])


def settled(*resources: Owner, **settings: Any) -> World:
    """A world in which nothing happens any more."""
    world = World(*resources, **settings)
    world.settle()
    return world


def key_of(body: Body) -> Key:
    """An object's key."""
    kind = kind_of(body["apiVersion"], body["kind"])
    assert kind is not None
    return Key(kind, body["metadata"]["namespace"], body["metadata"]["name"])


def key(kind: Kind, name: str) -> Key:
    """The key of that name in the tests' namespace."""
    return Key(kind, NAMESPACE, name)


def is_live(pod: Body) -> bool:
    """Whether a Pod is neither ending nor ended."""
    return "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") not in ("Succeeded", "Failed")


def is_ready(pod: Body) -> bool:
    """Whether a Pod is ready."""
    conditions = pod["status"].get("conditions", ())
    return is_live(pod) and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def images(pods: Iterable[Body]) -> set[str]:
    """The images that Pods run."""
    return {pod["spec"]["containers"][0]["image"] for pod in pods}


def _line(body: Body) -> str:
    meta, status = body["metadata"], body.get("status", {})
    state = status.get("phase") or status.get("jobStatus") or ""
    going = " Terminating" if "deletionTimestamp" in meta else ""
    chosen = [one["name"] for one in status.get("decisions", {}).get("retiring", ())]
    retiring = f" retiring {chosen}" if chosen else ""
    return f"  {body['kind']} {meta['name']} {state}{going}{retiring}"
