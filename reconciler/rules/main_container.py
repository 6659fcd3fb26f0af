"""Which of a Pod's containers runs Dask, or a job's command; the others serve it.

1. the one that the annotation `kubectl.kubernetes.io/default-container` names
2. one that is called as Dask's are: scheduler, worker, job, job-runner, dask-worker, …
3. the first whose name is not a sidecar's, such as vault-agent, istio-proxy or log-exporter
4. the first
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models.observed import ContainerStatus, Pod
from models.templates import PodSpec
from reconciler.rules.labels import DEFAULT_CONTAINER

_DASK = re.compile(r"(dask-)?(scheduler|worker|job|runner|job-runner)")
_SIDECAR = re.compile(
    r"(.+-)?(sidecar|proxy|agent|exporter|collector|shipper|forwarder|daprd|envoy|krb5|fluentd|fluent-?bit|filebeat)"
    r"(-.+)?"
)


def main_container(names: Sequence[str], annotations: Mapping[str, str]) -> str:
    """The name of the main container; empty if there is no container.

    Args:
        names: The containers' names, in the order of the Pod's spec.
        annotations: The Pod's annotations.
    """
    chosen = annotations.get(DEFAULT_CONTAINER, "")
    if chosen in names:
        return chosen
    called_so = (name for name in names if _DASK.fullmatch(name))
    others = (name for name in names if not _SIDECAR.fullmatch(name))
    return next(called_so, next(others, next(iter(names), "")))


def main_of_spec(spec: PodSpec, annotations: Mapping[str, str]) -> dict[str, Any]:
    """The main container of a Pod that a user describes; empty if there is no container."""
    containers = list(spec.get("containers") or ())
    main = main_container([str(one.get("name")) for one in containers], annotations)
    return next((one for one in containers if str(one.get("name")) == main), {})


def main_of_pod(pod: Pod) -> str:
    """The name of an observed Pod's main container."""
    # A Pod's statuses are sorted by name, which says nothing.
    names = [one.name for one in pod.spec.containers or pod.status.container_statuses]
    return main_container(names, pod.metadata.annotations)


def main_status(pod: Pod) -> ContainerStatus | None:
    """What is known of an observed Pod's main container; `None` if nothing is."""
    main = main_of_pod(pod)
    return next((one for one in pod.status.container_statuses if one.name == main), None)


def main_first(pod: Pod) -> list[ContainerStatus]:
    """What is known of the Pod's containers, the main one first."""
    main = main_of_pod(pod)
    return sorted(pod.status.container_statuses, key=lambda one: one.name != main)
