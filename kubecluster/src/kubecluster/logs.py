"""What the Pods of a cluster have written, whether Dask answers or not."""

from collections.abc import Container, Iterable, Iterator
from contextlib import suppress

from kubecluster.api import Body, path
from kubecluster.diagnosis.sight import items, name_of, number, text
from kubecluster.diagnosis.verdict import MOST_LOG_LINES
from kubecluster.errors import KubeClusterError
from kubecluster.main_container import main_container
from kubecluster.names import Component
from kubecluster.resource import ClusterResource

NOT_BEGUN = "Pending"


def collected(resource: ClusterResource, *, scheduler: bool, workers: bool | Iterable[str]) -> dict[str, str]:
    """The logs of a cluster's Pods, by the Pods' names.

    Args:
        resource: The cluster.
        scheduler: Whether to have the scheduler's.
        workers: Whether to have the workers', or of which Pods.
    """
    logs = dict(logs_of(resource, Component.SCHEDULER)) if scheduler else {}
    if workers:
        logs |= logs_of(resource, Component.WORKER, None if workers is True else frozenset(workers))
    return logs


def logs_of(
    resource: ClusterResource, component: Component, pods: Container[str] | None = None
) -> Iterator[tuple[str, str]]:
    """The names of a cluster's Pods of one kind, each with its log; or with why there is none.

    Args:
        resource: The cluster.
        component: Which kind.
        pods: Of which Pods; of all by default.
    """
    for pod in resource.pods(component):
        if pods is None or name_of(pod) in pods:
            yield name_of(pod), log_of(resource, pod)


def log_of(resource: ClusterResource, pod: Body) -> str:
    """What a Pod's main container has written; before it was started again too, if it was."""
    if text(pod, "status", "phase") == NOT_BEGUN and not items(pod, "status", "containerStatuses"):
        return f"There is no log yet: the Pod is {NOT_BEGUN}."
    container = main_container(pod)
    status = next((one for one in items(pod, "status", "containerStatuses") if text(one, "name") == container), {})
    earlier = _said(resource, pod, container, previous=True) if number(status, "restartCount") else ""
    return earlier + _said(resource, pod, container, previous=False)


def last_words(resource: ClusterResource, pod: str) -> list[str]:
    """The last log lines of a Pod that is in trouble; none if they cannot be had.

    Of several containers, it is the one that is in trouble; and if that has been started again and has said nothing
    yet, what the one before it said.
    """
    kubernetes, namespace = resource.kubernetes, resource.namespace
    with suppress(KubeClusterError):
        container = _troubled(kubernetes.get(path("pods", namespace, pod, group="")))
        for previous in (False, True):
            with suppress(KubeClusterError):
                said = kubernetes.log(namespace, pod, container=container, tail_lines=MOST_LOG_LINES, previous=previous)
                if said.strip():
                    return said.splitlines()
    return []


def _said(resource: ClusterResource, pod: Body, container: str, *, previous: bool) -> str:
    try:
        return resource.kubernetes.log(resource.namespace, name_of(pod), container=container, previous=previous)
    except KubeClusterError as error:
        return "" if previous else f"The log cannot be had: {error}"


def _troubled(pod: Body) -> str:
    """The container that is in trouble; else the first."""
    statuses = [*items(pod, "status", "initContainerStatuses"), *items(pod, "status", "containerStatuses")]
    for one in statuses:
        has_failed = number(one, "state", "terminated", "exitCode") or number(one, "restartCount")
        if has_failed and not text(one, "state", "running", "startedAt"):
            return text(one, "name")
    return next((text(one, "name") for one in items(pod, "spec", "containers")), "")
