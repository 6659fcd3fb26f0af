"""All clusters of a namespace, or of all, in a few requests: not in a few for each."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from kubecluster.api import Body, Kubernetes, path
from kubecluster.diagnosis import Sight, Verdict, diagnose
from kubecluster.diagnosis.events import moment
from kubecluster.diagnosis.sight import condition, is_going, label, name_of, number, read, text
from kubecluster.diagnosis.waiting_since import waiting_since
from kubecluster.errors import NotAllowed
from kubecluster.names import (
    CLUSTER_NAME,
    DASK_AUTOSCALER,
    DASK_CLUSTER,
    DASK_WORKER_GROUP,
    EVENT,
    POD,
    SERVICE,
    ClusterNames,
    Kind,
    Naming,
)
from kubecluster.resource import WITHOUT_LIMIT, now

DO_NOT_ACT = ("AnotherAutoscaler", "FailedGetScale")
"""Why an autoscaler does not act, as its condition AbleToScale says; dask-kubernetes' have no conditions."""
_KINDS = (DASK_CLUSTER, DASK_WORKER_GROUP, DASK_AUTOSCALER, POD, SERVICE)


@dataclass(frozen=True, slots=True)
class Line:
    """What there is to say of one cluster.

    Args:
        namespace: Its namespace.
        name: Its name.
        state: In a word.
        ready: How many workers are ready.
        wanted: How many are wanted.
        adapting: The bounds between which their number follows the work, such as `0-10`; empty if it does not.
        created: When it was made, as Kubernetes writes it.
        age_seconds: How long ago that is.
        why: Why it is not ready; empty if it is.
    """

    namespace: str
    name: str
    state: str
    ready: int
    wanted: int
    adapting: str
    created: str
    age_seconds: float
    why: str


def survey(kubernetes: Kubernetes, namespace: str | None, clock: Callable[[], datetime] = now) -> list[Line]:
    """The clusters, by namespace and name.

    Args:
        kubernetes: Where to look.
        namespace: In which; `None` for all.
        clock: The time.

    Raises:
        KubeClusterError: they cannot be seen.
    """
    # Pods and Services that are not Dask's are left out by the server, but for a Service without the label.
    labels = {POD: CLUSTER_NAME}
    with ThreadPoolExecutor(len(_KINDS)) as pool:
        lists = pool.map(lambda kind: kubernetes.list(_path(kind, namespace), labels=labels.get(kind, "")), _KINDS)
        found = dict(zip(_KINDS, lists, strict=True))
    at = clock()
    sights = [_sight(at, cluster, found) for cluster in found[DASK_CLUSTER]]
    troubled = {_namespace(sight) for sight in sights if diagnose(waiting_since(sight), sight).failure is not None}
    events = {each: _events(kubernetes, each) for each in sorted(troubled)}
    lines = (
        _line(replace(sight, events=events.get(_namespace(sight), ())), found[DASK_AUTOSCALER]) for sight in sights
    )
    return sorted(lines, key=lambda line: (line.namespace, line.name))


def state(sight: Sight, verdict: Verdict) -> str:
    """A cluster's state in a word."""
    if sight.cluster is not None and is_going(sight.cluster):
        return "Deleting"
    if verdict.failure is None:
        return "Ready"
    if verdict.is_final:
        return "Failed"
    return "Starting" if verdict.passes else "Trouble"


def _path(kind: Kind, namespace: str | None) -> str:
    return path(kind.plural, namespace, group=kind.group, version=kind.version)


def _sight(at: datetime, cluster: Body, found: Mapping[Kind, list[Body]]) -> Sight:
    name = name_of(cluster)
    service = ClusterNames(Naming.CLASSIC, name).comm_service

    def near(kind: Kind) -> Iterator[Body]:
        where = text(cluster, "metadata", "namespace")
        return (body for body in found[kind] if text(body, "metadata", "namespace") == where)

    return Sight(
        at,
        cluster,
        tuple(body for body in near(DASK_WORKER_GROUP) if read(body, "spec", "cluster") == name),
        tuple(body for body in near(POD) if label(body, CLUSTER_NAME) == name),
        tuple(body for body in near(SERVICE) if label(body, CLUSTER_NAME) == name or name_of(body) == service),
    )


def _events(kubernetes: Kubernetes, namespace: str) -> tuple[Body, ...]:
    with suppress(NotAllowed):
        return tuple(kubernetes.list(_path(EVENT, namespace)))
    return ()


def _line(sight: Sight, autoscalers: list[Body]) -> Line:
    verdict = diagnose(waiting_since(sight), sight)
    created = text(sight.cluster, "metadata", "creationTimestamp")
    return Line(
        _namespace(sight),
        name_of(sight.cluster),
        state(sight, verdict),
        verdict.workers_ready,
        verdict.workers_wanted,
        _adapting(sight, autoscalers),
        created,
        (sight.at - moment(created)).total_seconds(),
        "" if verdict.failure is None else verdict.sentence,
    )


def _adapting(sight: Sight, autoscalers: list[Body]) -> str:
    name = name_of(sight.cluster)
    mine = [
        one
        for one in autoscalers
        if text(one, "metadata", "namespace") == _namespace(sight) and read(one, "spec", "cluster") == name
        if condition(one, "AbleToScale").get("reason") not in DO_NOT_ACT
    ]
    return ", ".join(map(partial(_bounds, name), sorted(mine, key=name_of)))


def _bounds(cluster: str, autoscaler: Body) -> str:
    """`2-10`, `2-` without a limit; with the group's name before it if it is not the default group's."""
    group = text(autoscaler, "spec", "workerGroup").removeprefix(f"{cluster}-")
    most = number(autoscaler, "spec", "maximum")
    bounds = f"{number(autoscaler, 'spec', 'minimum')}-{'' if most >= WITHOUT_LIMIT else most}"
    return f"{group}:{bounds}" if group else bounds


def _namespace(sight: Sight) -> str:
    return text(sight.cluster, "metadata", "namespace")
