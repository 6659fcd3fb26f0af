"""Passes over a cluster of which a scheduler tells, in one line each."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from models.kinds import Key
from models.observed import Container, Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.scheduler_answer import HEARTBEATS, DaskWorker, SchedulerAnswer
from models.snapshot import Observed
from models.status import Retirement
from reconciler.passes.coverage import Coverage
from reconciler.passes.values import Action, PassResult, Response, Result, Verb
from tests.builders import NOON, cluster, default_group, scheduler, worker
from tests.unit.daemon.passresults import passed

CLUSTER = cluster("asked", labels={"team": "vision"})
HEAD = scheduler(CLUSTER)
LATER = timedelta(seconds=20)


def going(*pods: Pod, asked: bool = True, held: int | None = 500, left: timedelta = LATER) -> DaskWorkerGroup:
    """The default group, with those workers chosen to go 20 s ago."""
    when = {"asked": NOON - LATER, "deadline": NOON + left} if asked else {}
    retiring = tuple(
        Retirement(name=pod.metadata.name, uid=pod.metadata.uid, since=NOON - LATER, unique_bytes=held, **when)
        for pod in pods
    )
    group = default_group(CLUSTER)
    decisions = group.status.decisions.model_copy(update={"retiring": retiring})
    return group.model_copy(update={"status": group.status.model_copy(update={"decisions": decisions})})


def told(*workers: DaskWorker, **more: object) -> SchedulerAnswer:
    """What the cluster's scheduler says."""
    return replace(SchedulerAnswer(HEAD.metadata.uid, NOON, workers, is_weighed=True), **more)  # type: ignore[arg-type]


def seen(*objects: Observed, answer: SchedulerAnswer | None = None, responses: Iterable[Response] = ()) -> PassResult:
    """A pass that saw those objects, and had that answer of their cluster's scheduler."""
    result = passed(objects=objects, responses=responses)
    assert result.snapshot is not None
    answers: dict[Key, SchedulerAnswer] = {} if answer is None else {CLUSTER.key: answer}
    return replace(result, snapshot=replace(result.snapshot, schedulers=answers))


def deleted(pod: Pod, group: DaskWorkerGroup, result: Result = Result.DONE) -> Response:
    """An answer to the deletion of a worker."""
    action = Action(Verb.DELETE, pod.key, group.key, CLUSTER.key, "it was chosen to go", uid=pod.metadata.uid)
    return Response(action, result)


def empty(pod: Pod, **more: object) -> DaskWorker:
    """A worker that has handed over all that it held."""
    return replace(DaskWorker(pod.metadata.name, "", is_retiring=True, heartbeats=HEARTBEATS), **more)  # type: ignore[arg-type]


def with_gpus(pod: Pod, **gpus: int) -> Pod:
    """A Pod that asks for those GPUs: `nvidia` of them, or `amd`."""
    asked = {"limits": {f"{vendor}.com/gpu": str(number) for vendor, number in gpus.items()}}
    containers = (Container.model_validate({"name": "main", "resources": asked}),)
    return replace(pod, spec=replace(pod.spec, containers=containers))


def of_dask() -> PassResult:
    """A pass over one cluster in which all metrics of Dask's side have something to say."""
    pod = with_gpus(worker(default_group(CLUSTER), CLUSTER), nvidia=1)
    group = going(pod)
    result = seen(CLUSTER, HEAD, group, pod, answer=told(empty(pod)), responses=[deleted(pod, group)])
    return replace(result, coverage=Coverage(trees=frozenset({CLUSTER.key})))


def of(cluster: DaskCluster) -> dict[str, str]:
    """The labels of a cluster's metrics."""
    return {"namespace": cluster.metadata.namespace, "cluster": cluster.metadata.name}
