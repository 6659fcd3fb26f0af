"""An API that looks at every write of the reconciler and fails at the first that breaks a rule.

- What is created has an owner, with a uid, and the owner was there when the pass began, or is there now.
- Nothing is changed or deleted that is not a child; users' own resources only get annotations, owners and statuses.
- A cluster has one live scheduler at most; a group never more live workers than `replicas + maxSurge`, without those
  that something else is about to take away.
- A worker's name is never used again; by two reconcilers, not if its Pod ever had a node.
- Who goes is one of the group's own, and a rolling update leaves `replicas - maxUnavailable` available.
- An outcome is written before the job's cluster is deleted, never changes, and its runner is not started again.
- With deletion switched off nothing is deleted.
- Of users' own resources only a cluster is ever deleted, whose owner was not seen for longer than it asked for, or that
  is older, or idle for longer, than it may be; a busy cluster is neither deleted nor scaled to 0.

tests/simulation/ledger.py has the rules on how much is written, and when; asked.py how many Pods may go in all.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any

from models.kinds import CUSTOM_KINDS, DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, EVENT, POD, Key, Kind
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS, ROLE, SCHEDULER_HASH, TEMPLATE_HASH, Role
from reconciler.wire.protocol import API, Body, Reply, Subresource
from tests.simulation.asked import Asked
from tests.simulation.ledger import Ledger
from tests.simulation.schedulers import Schedulers

OURS = "kubernetes.dask.org/"
OUTCOMES = ("Successful", "Failed")


@dataclass
class Watch:
    """Passes requests on and looks at what they do.

    Args:
        api: Where one sees what is there.
        through: Where requests go.
        clock: The reconciler's time.
        ledger: What counts the writes.
        schedulers: Who knows what is lost with a worker.
        no_delete: Whether nothing may be deleted.
        is_misled: Whether lists are not true, or another reconciler writes at the same time.

    Attributes:
        is_touched: Whether someone changed something in the pass under way. Then it acts on an old picture, and what
            follows from that is let pass as long as it can be put right.
        is_rivalled: Whether another reconciler did, or the lists were not true; then names may meet.
    """

    api: MemoryAPI
    through: API
    clock: Callable[[], datetime]
    ledger: Ledger
    schedulers: Schedulers
    no_delete: bool = False
    is_misled: bool = False
    is_touched: bool = False
    is_rivalled: bool = False
    asked: Asked = field(init=False)
    _owners: set[str] = field(default_factory=set)  # the uids of custom resources that were seen
    _created: set[tuple[str, str]] = field(default_factory=set)  # workers, by namespace and name
    _bound: set[tuple[str, str]] = field(default_factory=set)  # Pods that had a node
    _seen: dict[str, int] = field(default_factory=dict)  # the most workers that a group asked for in this pass

    def __post_init__(self) -> None:
        self.asked = Asked(self.api)

    @property
    def writes(self) -> int:
        """How many writes there were, without Events."""
        return self.ledger.writes

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        if not fields and self.ledger.lists(kind, namespace):
            self.begins()
        if kind in CUSTOM_KINDS:
            self._owners.update(body["metadata"]["uid"] for body in self.api.objects(kind))
        if kind == POD:
            metas = [pod["metadata"] for pod in self.api.objects(kind) if pod["spec"].get("nodeName")]
            self._bound.update((meta["namespace"], meta["name"]) for meta in metas)
        if kind == DASK_WORKER_GROUP:
            self._seen.clear()
            for group in self.api.objects(kind):
                self._note_most(group)
        return self.through.list(kind, namespace, labels=labels, fields=fields)

    def begins(self) -> None:
        """A pass begins."""
        self.is_touched = self.is_rivalled = self.is_misled
        self.asked.look()

    def create(self, kind: Kind, body: Body) -> Reply:
        self.ledger.writes_to(f"{kind} {body['metadata']['name']}", is_report=kind == EVENT)
        if kind != EVENT:
            self._check_owned(kind, body)
        reply = self.through.create(kind, body)
        if kind in CUSTOM_KINDS:
            self._owners.add(reply.body["metadata"]["uid"])
            self.asked.know(reply.body)
        if kind == POD:
            self._check_pod(body)
            self.asked.made(is_certain=not (self.is_rivalled or self.is_misled))
        self.ledger.created(kind, reply.body, self._most(body) if kind == POD else None)
        return reply

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        self.ledger.writes_to(f"the change of {key}", is_report=False)
        before = self.api.get(key)
        reply = self.through.patch(key, body, subresource)
        self.ledger.changed()
        assert before is not None
        if key.kind in CUSTOM_KINDS:
            self.asked.see(before)
            self.asked.know(reply.body)
            self.asked.scaled(before, reply.body)
        self._check_change(key, before, reply.body)
        if key.kind == DASK_WORKER_GROUP:
            self._note_most(before)
            self._check_retiring(before, reply.body)
        return reply

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        before = self.api.get(key)
        reply = self.through.apply(key, body, subresource)
        self.ledger.changed()
        assert before is not None
        assert subresource == "status", f"{key} is applied as a whole"
        self._check_change(key, before, reply.body)
        return reply

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        self.ledger.writes_to(f"the end of {key}", is_report=False)
        before = self.api.get(key)
        if before is not None and before["metadata"].get("annotations", {}).get(ROLE) == Role.WORKER:
            self._check_saved(before)
        is_idle = key.kind == DASK_CLUSTER and before is not None and self._is_idle(before)
        reply = self.through.delete(key, uid, resource_version)
        assert before is not None
        self.ledger.deleted(key, before)
        if key.kind == POD:
            self.asked.deleted(before)
        assert not self.no_delete, f"{key} is deleted though deletion is switched off"
        assert uid == before["metadata"]["uid"]
        if key.kind == DASK_CLUSTER and not _is_child(before):
            is_its_end = is_abandoned(before, self.clock()) or is_expired(before, self.clock()) or is_idle
            assert is_its_end, f"{key} is deleted, whose owner is alive and which is in use: {before}"
            assert resource_version, f"{key} is deleted whatever has changed"
            return reply
        assert _is_child(before), f"{key} is deleted, which is nobody's child: {before['metadata']}"
        role = before["metadata"]["annotations"].get(ROLE)
        if role == Role.JOB_CLUSTER:
            jobs = [self._owner(before, reference) for reference in before["metadata"]["ownerReferences"]]
            assert any(job is not None and _outcome(job) for job in jobs), f"{key} is deleted before the outcome"
        return reply

    def _is_idle(self, cluster: Body) -> bool:
        """Whether it has been idle for as long as it may, in truth."""
        meta, timeout = cluster["metadata"], cluster["spec"].get("idleTimeout", 0)
        since = self.schedulers.idle_since(meta["namespace"], meta["name"])
        return bool(timeout) and since is not None and self.clock() >= since + timedelta(seconds=timeout)

    def _check_saved(self, pod: Body) -> None:
        """What a worker has is handed over before it goes, unless its time is up."""
        group, meta = self._owner(pod, pod["metadata"]["ownerReferences"][0]), pod["metadata"]
        going = () if group is None else group["status"].get("decisions", {}).get("retiring", ())
        deadlines = [one.get("deadline", "") for one in going if one["uid"] == meta["uid"]]
        is_late = any(not at or datetime.fromisoformat(at) <= self.clock() for at in deadlines)
        assert is_late or not self.schedulers.would_lose(pod), f"{meta['name']} is deleted with what it has"

    def _most(self, body: Body) -> int | None:
        """How many Pods of that sort its owner can need in one pass, if that is known."""
        meta = body["metadata"]
        if meta["annotations"][ROLE] != Role.WORKER:
            return 1 + self.is_touched
        owner = self._owner(body, meta["ownerReferences"][0])
        if owner is None or self.is_touched or self.is_rivalled:
            return None
        return max(_most_workers(owner), self._seen.get(owner["metadata"]["uid"], 0))

    def _check_owned(self, kind: Kind, body: Body) -> None:
        what = f"{kind} {body['metadata']['name']}"
        owners = body["metadata"].get("ownerReferences") or []
        assert owners, f"{what} is created without an owner"
        assert all(owner.get("uid") for owner in owners), f"{what} has an owner without a uid"
        assert sum(bool(owner.get("controller")) for owner in owners) == 1, f"{what} has no controller"
        assert body["metadata"]["annotations"].get(ROLE), f"{what} has no role"
        known = all(owner["uid"] in self._owners or self._owner(body, owner) for owner in owners)
        assert known, f"{what} is created for an owner that nobody has seen"

    def _check_pod(self, body: Body) -> None:
        meta = body["metadata"]
        role, uid = meta["annotations"][ROLE], meta["ownerReferences"][0]["uid"]
        owner = self._owner(body, meta["ownerReferences"][0])
        live = [pod for pod in self._children(uid) if _is_live(pod) and _is_child(pod) and not _is_doomed(pod)]
        if role == Role.WORKER:
            name = (meta["namespace"], meta["name"])
            used = self._bound if self.is_rivalled else self._created
            assert name not in used, f"the name {name} is used a second time"
            self._created.add(name)
        if self.is_rivalled or self.is_touched or owner is None:
            return
        if role == Role.WORKER:
            most = max(_most_workers(owner), self._seen.get(uid, 0))
            assert len(live) <= most, f"{len(live)} workers where {most} are the most: {_names(live)}"
        if role == Role.SCHEDULER:
            assert len(live) <= 1, f"two live schedulers: {_names(live)}"
        if role == Role.JOB_RUNNER:
            assert not _outcome(owner), f"{meta['name']} is started though the job is over"

    def _note_most(self, group: Body) -> None:
        uid = group["metadata"]["uid"]
        self._seen[uid] = max(self._seen.get(uid, 0), _most_workers(group))

    def _check_change(self, key: Key, before: Body, after: Body) -> None:
        if key.kind not in CUSTOM_KINDS:
            assert _is_child(before), f"{key} is changed, which is nobody's child"
            return
        if key.kind == DASK_WORKER_GROUP and before["spec"] != after["spec"] and self._is_put_to_sleep(before, after):
            return
        if before["metadata"].get("annotations", {}).get(ROLE) is None:
            bounds = bounds_of(self.api, before)
            written = without_replicas if bounds else _spec
            assert written(before) == written(after), f"{key} is a user's, and its spec is written"
            is_within = bounds is None or bounds[0] <= after["spec"]["worker"].get("replicas", 1) <= bounds[1]
            assert is_within or self.is_touched or before["spec"] == after["spec"], f"{key} is scaled out of {bounds}"
            assert _users(before) == _users(after), f"{key} is a user's, and its metadata is written"
        assert _uids(before) <= _uids(after), f"{key} loses an owner"
        if key.kind == DASK_JOB and _outcome(before):
            assert _verdict(before) == _verdict(after), f"the outcome of {key} changes"

    def _is_put_to_sleep(self, before: Body, after: Body) -> bool:
        """Whether a group is scaled to 0 since its cluster is idle, and nothing else is written of it."""
        worker = {**before["spec"]["worker"], "replicas": 0}
        cluster = self.api.get(Key(DASK_CLUSTER, before["metadata"]["namespace"], before["spec"]["cluster"]))
        asks = cluster is not None and cluster["spec"].get("idle", {}).get("action") == "ScaleToZero"
        is_only = after["spec"] == {**before["spec"], "worker": worker} and _users(before) == _users(after)
        return asks and is_only and cluster is not None and self._is_idle(cluster)

    def _check_retiring(self, before: Body, after: Body) -> None:
        if self.is_touched or self.is_rivalled:
            return
        old, new = chosen(before), chosen(after)
        meta, worker = before["metadata"], before["spec"]["worker"]
        pods = {pod["metadata"]["name"]: pod for pod in self._children(meta["uid"])}
        assert new - old <= pods.keys(), f"{new - old} are to go, who are not all of {meta['name']}: {sorted(pods)}"
        is_rolling = worker.get("updateStrategy", {}).get("type", "RollingUpdate") == "RollingUpdate"
        if not is_rolling or self._has_orphans(before, pods.values()):
            return
        least = worker.get("replicas", 1) - _bounds(worker)[1]
        available = [name for name, pod in pods.items() if self._is_available(pod, worker.get("minReadySeconds", 0))]
        left = [name for name in available if name not in new]
        had = [name for name in available if name not in old]
        assert len(left) >= min(len(had), least), f"{len(left)} of {len(had)} stay available, {least} is the least"

    def _has_orphans(self, group: Body, pods: Iterable[Body]) -> bool:
        """Whether the scheduler is another than the workers'; then they all go."""
        schedulers = [pod for uid in _uids(group) for pod in self._children(uid) if _is_live(pod) and _is_child(pod)]
        present = {pod["metadata"]["annotations"].get(TEMPLATE_HASH) for pod in schedulers}
        theirs = {pod["metadata"]["annotations"].get(SCHEDULER_HASH) for pod in pods if _is_child(pod)}
        return not present or not theirs <= present

    def _is_available(self, pod: Body, seconds: int) -> bool:
        ready = [one for one in pod.get("status", {}).get("conditions", ()) if one["type"] == "Ready"]
        if not _is_live(pod) or _is_doomed(pod) or not ready or ready[0]["status"] != "True":
            return False
        since = datetime.fromisoformat(ready[0]["lastTransitionTime"])  # by another clock, which may be ahead of ours
        return not seconds or since + timedelta(seconds=seconds) <= self.clock()

    def _children(self, uid: str) -> Iterator[Body]:
        return (pod for pod in self.api.objects(POD) if uid in _uids(pod))

    def _owner(self, body: Body, reference: Body) -> Body | None:
        kind = next(kind for kind in CUSTOM_KINDS if kind.name == reference["kind"])
        found = self.api.get(Key(kind, body["metadata"]["namespace"], reference["name"]))
        return found if found is not None and found["metadata"]["uid"] == reference["uid"] else None


def bounds_of(api: MemoryAPI, group: Body) -> tuple[int, int] | None:
    """Between which bounds the oldest autoscaler of a group lets it be, if it has one."""
    meta = group["metadata"]
    if group["kind"] != DASK_WORKER_GROUP.name:
        return None
    is_default = meta.get("annotations", {}).get(ROLE) == Role.DEFAULT_GROUP
    named = (meta["name"], None) if is_default else (meta["name"],)
    found = [
        one
        for one in api.objects(DASK_AUTOSCALER)
        if (one["metadata"]["namespace"], one["spec"]["cluster"]) == (meta["namespace"], group["spec"]["cluster"])
        and one["spec"].get("workerGroup") in named
    ]
    oldest = min(found, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]), default=None)
    return (oldest["spec"]["minimum"], oldest["spec"]["maximum"]) if oldest is not None else None


def without_replicas(group: Body) -> Body:
    """The spec of a group but for the number of its workers, which its autoscaler sets."""
    worker = {name: value for name, value in group["spec"]["worker"].items() if name != "replicas"}
    return {**group["spec"], "worker": worker}


def _spec(body: Body) -> Body:
    spec: Body = body["spec"]
    return spec


def chosen(group: Body) -> set[str]:
    """The workers of a group that were chosen to go."""
    return {one["name"] for one in group.get("status", {}).get("decisions", {}).get("retiring", ())}


def is_abandoned(cluster: Body, now: datetime) -> bool:
    """Whether a user's cluster must go, since its owner was not seen for longer than it asked for."""
    meta = cluster["metadata"]
    annotations = meta.get("annotations", {})
    seen, timeout = annotations.get(OWNER_SEEN, ""), annotations.get(OWNER_TIMEOUT_SECONDS, "")
    if meta.get("ownerReferences") or not seen.startswith("2") or timeout in ("", "0", "soon"):
        return False
    last = max(datetime.fromisoformat(seen), datetime.fromisoformat(meta["creationTimestamp"]))
    return now > last + timedelta(seconds=int(timeout))


def is_expired(cluster: Body, now: datetime) -> bool:
    """Whether a user's cluster must go, since it is as old as it may become."""
    meta, lives = cluster["metadata"], cluster["spec"].get("ttlSeconds", 0)
    is_jobs = bool(meta.get("ownerReferences"))
    return (
        bool(lives)
        and not is_jobs
        and now > datetime.fromisoformat(meta["creationTimestamp"]) + timedelta(seconds=lives)
    )


def _most_workers(group: Body) -> int:
    worker = group["spec"]["worker"]
    replicas: int = worker.get("replicas", 1)
    return replicas + _bounds(worker)[0]


def _bounds(worker: Body) -> tuple[int, int]:
    """How much maxSurge and maxUnavailable come to, as Deployments round them."""
    rolling = worker.get("updateStrategy", {}).get("rollingUpdate", {})
    given = {"maxSurge": rolling.get("maxSurge", 0), "maxUnavailable": rolling.get("maxUnavailable", 1)}
    exact = {
        name: Fraction(value[:-1]) * worker.get("replicas", 1) / 100 if isinstance(value, str) else Fraction(value)
        for name, value in given.items()
    }
    surge, unavailable = ceil(exact["maxSurge"]), floor(exact["maxUnavailable"])
    return surge, unavailable or int(not surge)


def _is_child(body: Body) -> bool:
    """Whether the reconciler made the object, even if someone took some of its marks away."""
    return bool(_uids(body)) and any(name.startswith(OURS) for name in body["metadata"].get("annotations", {}))


def _is_live(pod: Body) -> bool:
    phase = pod.get("status", {}).get("phase")
    return "deletionTimestamp" not in pod["metadata"] and phase not in ("Succeeded", "Failed")


def _is_doomed(pod: Body) -> bool:
    """Whether something else is about to take the Pod away: it is replaced beforehand."""
    return any(one["type"] == "DisruptionTarget" for one in pod.get("status", {}).get("conditions", ()))


def _uids(body: Body) -> set[str]:
    return {owner["uid"] for owner in body["metadata"].get("ownerReferences", ())}


def _users(body: Body) -> Any:
    """The labels and annotations that are the user's own business."""
    annotations = body["metadata"].get("annotations", {}).items()
    return body["metadata"].get("labels", {}), {name: value for name, value in annotations if not name.startswith(OURS)}


def _outcome(job: Body) -> bool:
    return job.get("status", {}).get("jobStatus") in OUTCOMES


def _verdict(job: Body) -> Any:
    status = job["status"]
    return [status.get(name) for name in ("jobStatus", "startTime", "endTime", "jobRunnerPodName")]


def _names(bodies: list[Body]) -> list[str]:
    return [body["metadata"]["name"] for body in bodies]
