"""What there is, as rows of a table: the tree of resources, each with its state in the words of its own status.

DaskJob
  DaskCluster
    scheduler Pod
    DaskWorkerGroup
      worker Pods
    DaskAutoscaler
  runner Pod
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from models.kinds import CUSTOM_KINDS, DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, Kind
from models.observed import Pod
from models.snapshot import Unreadable
from models.status import JobStatus, Phase
from reconciler.local.quantities import SUFFIXES, quantity
from reconciler.memory import MemoryAPI
from reconciler.passes.report.pod_trouble import explain, explain_end
from reconciler.passes.report.sentences import sentence
from reconciler.rules.labels import ordinal
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reason_sets import BLOCKING
from reconciler.rules.reasons import Reason
from reconciler.wire.parse import parse_object
from reconciler.wire.protocol import Body

State = Literal["good", "busy", "bad", "over"]

MOST_ALIKE, FEW = 8, 3
"""Of more Pods alike than that, a few are shown."""

CHILDREN: Mapping[Kind, tuple[Kind, ...]] = {
    DASK_JOB: (DASK_CLUSTER, POD),
    DASK_CLUSTER: (POD, DASK_WORKER_GROUP, DASK_AUTOSCALER),
    DASK_WORKER_GROUP: (POD,),
}
"""What stands below what, in this order."""

_ROOTS = (*CUSTOM_KINDS, POD)
_ON_THE_WAY = frozenset({"", "ContainerCreating", "PodInitializing"})
_AT_REST = frozenset({Reason.SETTLED, Reason.FINISHED, Reason.ON_DELETE})


@dataclass(frozen=True, slots=True)
class Row:
    """A resource or a Pod.

    Args:
        resource: Which, such as `pod/simple-scheduler`.
        depth: How deep in the tree, from 0.
        phase: What it does, in a word.
        ready: How many workers, or containers of a Pod, are ready, such as `2/2`; may be empty.
        restarts: How often containers of a Pod were started again; `None` if it is no Pod.
        since: When it was created.
        reason: Why it is as it is, in a sentence; may be empty.
        state: `good`; `busy`, which passes; `bad`, which does not pass by itself; `over`, as it should be.
        requests: What a Pod requests, such as `2 CPU, 4Gi`; may be empty.
        namespace: Where it is.
        way: How it is reached from this machine, if it is; may be empty.
    """

    resource: str
    depth: int
    phase: str
    ready: str
    restarts: int | None
    since: datetime | None
    reason: str
    state: State
    requests: str = ""
    namespace: str = "default"
    way: str = ""


def rows(api: MemoryAPI) -> tuple[Row, ...]:
    """All resources and Pods, each below the one that it belongs to.

    What belongs to nothing that is there, such as the last Pods of a deleted cluster, stands by itself.
    """
    # Children first: one that is created meanwhile must not seem to belong to nothing.
    found = {kind: api.objects(kind) for kind in reversed(_ROOTS)}
    kinds = {body["metadata"]["uid"]: kind for kind, bodies in found.items() for body in bodies}
    tree: dict[tuple[str, Kind], list[Body]] = {}
    for kind, bodies in found.items():
        for body in bodies:
            tree.setdefault((_parent(kind, body, kinds), kind), []).append(body)
    return tuple(_branches(tree, "", _ROOTS, 0))


def folded(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows as a table has room for them: of many Pods alike in one place, a few, and how many more there are."""
    runs = groupby(rows, key=lambda row: None if row.restarts is None else row.depth)
    return tuple(row for depth, run in runs for row in (run if depth is None else _few(tuple(run))))


def _few(pods: Sequence[Row]) -> Iterator[Row]:
    total = Counter(map(_look, pods))
    seen: Counter[Row] = Counter()
    for row in pods:
        look = _look(row)
        seen[look] += 1
        if total[look] <= MOST_ALIKE or seen[look] <= FEW:
            yield row
        if total[look] > MOST_ALIKE and seen[look] == FEW:
            what = "ready" if row.state == "good" else row.phase
            yield replace(row, resource=f"… {total[look] - FEW} more, all {what}", since=None)


def _look(row: Row) -> Row:
    return replace(row, resource="", since=None)


def _parent(kind: Kind, body: Body, kinds: Mapping[str, Kind]) -> str:
    """The uid of the resource that an object stands below; empty if it stands by itself."""
    owners = [owner["uid"] for owner in body["metadata"].get("ownerReferences", ())]
    return next((uid for uid in owners if uid in kinds and kind in CHILDREN.get(kinds[uid], ())), "")


def _branches(
    tree: Mapping[tuple[str, Kind], Sequence[Body]], parent: str, kinds: Iterable[Kind], depth: int
) -> Iterator[Row]:
    """What stands below a resource."""
    for kind in kinds:
        for body in sorted(tree.get((parent, kind), ()), key=_rank):
            below = tuple(_branches(tree, body["metadata"]["uid"], CHILDREN.get(kind, ()), depth + 1))
            has_trouble = any(row.state == "bad" for row in below)
            yield _of_pod(body, depth) if kind == POD else _of_resource(kind, body, depth, has_trouble=has_trouble)
            yield from below


def _rank(body: Body) -> tuple[str, int, str]:
    meta = body["metadata"]
    return meta["namespace"], ordinal(meta.get("annotations", {})), meta["name"]


def _row(kind: Kind, body: Body, depth: int, **told: Any) -> Row:
    meta = body["metadata"]
    name = f"{kind.name.lower()}/{meta['name']}"
    since = datetime.fromisoformat(meta["creationTimestamp"]) if "creationTimestamp" in meta else None
    fields = {"restarts": None, "since": since, "namespace": meta["namespace"], **told}
    return Row(resource=name, depth=depth, **fields)


def _of_resource(kind: Kind, body: Body, depth: int, *, has_trouble: bool) -> Row:
    status = body.get("status") or {}
    conditions: dict[str, Body] = {one["type"]: one for one in status.get("conditions", ())}
    if "deletionTimestamp" in body["metadata"]:
        return _row(kind, body, depth, phase="Terminating", ready="", reason="", state="busy")
    return _row(
        kind,
        body,
        depth,
        phase=status.get("phase") or status.get("jobStatus") or _word(conditions),
        ready=status.get("workers") or "",
        reason=_sentence(conditions),
        state=_outcome(status) or _state(conditions, has_trouble=has_trouble),
    )


def _word(conditions: Mapping[str, Body]) -> str:
    """What a resource that has no phase of its own does, in a word."""
    progressing, ready = conditions.get(ConditionType.PROGRESSING), conditions.get(ConditionType.READY)
    told = progressing if progressing is not None and _goes_on(progressing) else ready
    return told["reason"] if told is not None else str(Phase.CREATED)


def _sentence(conditions: Mapping[str, Body]) -> str:
    """Why a resource is as it is: the outcome, else the first thing that is not as it should be."""
    ended = [
        one
        for one in (conditions.get(ConditionType.FAILED), conditions.get(ConditionType.COMPLETE))
        if one and _holds(one)
    ]
    ready, progressing = conditions.get(ConditionType.READY), conditions.get(ConditionType.PROGRESSING)
    wrong = [one for one in (ready,) if one and not _holds(one)]
    doubts = (conditions.get(ConditionType.ACCEPTED), conditions.get(ConditionType.RUNNER_UP_TO_DATE))
    wrong += [one for one in doubts if one and one["status"] == "False"]
    moving = [one for one in (progressing,) if one and (_goes_on(one) or _is_held(one))]
    told = next(iter([*ended, *wrong, *moving]), ready)
    return told["message"] if told is not None else ""


def _outcome(status: Body) -> State | None:
    """The state of a job that has ended."""
    if status.get("jobStatus") == JobStatus.SUCCESSFUL:
        return "over"
    return "bad" if status.get("jobStatus") == JobStatus.FAILED else None


def _state(conditions: Mapping[str, Body], *, has_trouble: bool) -> State:
    ready, progressing = conditions.get(ConditionType.READY), conditions.get(ConditionType.PROGRESSING)
    if ready is None:
        return "busy"
    is_refused = conditions.get(ConditionType.ACCEPTED, {}).get("status") == "False"
    is_blocked = ready["reason"] in BLOCKING or ready["status"] == "Unknown"
    if is_refused or is_blocked or (progressing is not None and _is_held(progressing)):
        return "bad"
    if _holds(ready):
        return "busy" if progressing is not None and _goes_on(progressing) else "good"
    return "bad" if has_trouble else "busy"


def _holds(condition: Body) -> bool:
    return bool(condition["status"] == "True")


def _goes_on(progressing: Body) -> bool:
    """Whether something is being done; that a job's command runs is its rest."""
    return _holds(progressing) and progressing["reason"] != Reason.RUNNING


def _is_held(progressing: Body) -> bool:
    """Whether what should be done is not, or only goes wrong again, until someone does something about it."""
    is_stopped = progressing["status"] == "False" and progressing["reason"] not in _AT_REST
    return is_stopped or progressing["reason"] == Reason.BACK_OFF


def _of_pod(body: Body, depth: int) -> Row:
    pod = parse_object(POD, body)
    if isinstance(pod, Unreadable):
        return _row(POD, body, depth, phase="Unknown", ready="", restarts=0, reason=sentence(pod.error), state="bad")
    assert isinstance(pod, Pod)
    containers = body["spec"].get("containers", ())
    phase, state = _doing(pod)
    why = "" if pod.is_terminating else explain_end(pod) if pod.has_ended else explain(pod)
    return _row(
        POD,
        body,
        depth,
        phase=phase,
        ready=f"{sum(one.ready for one in pod.status.container_statuses)}/{len(containers)}",
        restarts=sum(one.restart_count for one in pod.status.init_container_statuses + pod.status.container_statuses),
        reason=sentence(why) if why else "",
        state=state,
        requests=_requests(containers),
    )


def _doing(pod: Pod) -> tuple[str, State]:
    """What a Pod does, in a word, and its state."""
    containers = pod.status.init_container_statuses + pod.status.container_statuses
    waits = [one.state.waiting.reason for one in containers if one.state.waiting and one.state.waiting.reason]
    stuck = [reason for reason in waits if reason not in _ON_THE_WAY]
    crashes = [one.state.terminated for one in containers if one.state.terminated and one.state.terminated.exit_code]
    scheduled = pod.condition("PodScheduled")
    if pod.is_terminating:
        return "Terminating", "busy"
    if pod.has_ended:
        return pod.status.phase, "over" if pod.status.phase == "Succeeded" else "bad"
    if stuck or crashes:
        return stuck[0] if stuck else crashes[0].reason or "Error", "bad"
    if pod.is_ready:
        return pod.status.phase, "good"
    if scheduled is not None and scheduled.reason == "Unschedulable":
        return pod.status.phase, "bad"
    return waits[0] if waits else pod.status.phase, "busy"


def _requests(containers: Iterable[Body]) -> str:
    """What the containers request together; where only a limit is given, that is requested."""
    amounts: dict[str, list[str]] = {}
    for container in containers:
        resources = container.get("resources") or {}
        for name, amount in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.items():
            amounts.setdefault(name, []).append(str(amount))
    names = sorted(amounts, key=lambda name: (name != "cpu", name != "memory", name))
    units = {"cpu": " CPU", "memory": ""}
    return ", ".join(f"{_total(name, amounts[name])}{units.get(name, f' {_short(name)}')}" for name in names)


def _total(name: str, amounts: Sequence[str]) -> str:
    """The sum of what several containers request; that of one is as it was written."""
    if len(amounts) == 1:
        return amounts[0]
    try:
        total = sum(map(quantity, amounts))
    except ValueError:
        return " + ".join(amounts)
    units = ("Ti", "Gi", "Mi", "Ki") if name == "memory" else ()
    unit = next((unit for unit in units if total >= SUFFIXES[unit]), "")
    return f"{float(total / SUFFIXES[unit]):.10g}{unit}"


def _short(name: str) -> str:
    """A resource's name without its maker's, such as `gpu`."""
    return name.rpartition("/")[2]
