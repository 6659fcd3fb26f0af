"""Which of a Pod's containers run Dask, or a job's command; the others serve them.

    1. the one that the annotation `kubectl.kubernetes.io/default-container` names
    2. one that is called as Dask's are: scheduler, worker, job, job-runner, dask-worker, …
    3. all whose names are not those of sidecars, such as vault-agent, istio-proxy or log-exporter
    4. all

The first of them is the main container: whose log is shown, and what is told of the Pod.
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


def working_containers(names: Sequence[str], annotations: Mapping[str, str]) -> list[str]:
    """The names of the containers that the Pod is there for.

    Args:
        names: The containers' names, in the order of the Pod's spec.
        annotations: The Pod's annotations.
    """
    chosen = annotations.get(DEFAULT_CONTAINER, "")
    if chosen in names:
        return [chosen]
    called_so = [name for name in names if _DASK.fullmatch(name)]
    return called_so[:1] or [name for name in names if not _SIDECAR.fullmatch(name)] or list(names)


def main_of_spec(spec: PodSpec, annotations: Mapping[str, str]) -> dict[str, Any]:
    """The main container of a Pod that a user describes; empty if there is no container."""
    containers = list(spec.get("containers") or ())
    main = working_containers([str(one.get("name")) for one in containers], annotations)
    return next((one for one in containers if str(one.get("name")) in main), {})


def working_of_pod(pod: Pod) -> list[str]:
    """The names of the containers that an observed Pod is there for, the main one first."""
    # A Pod's statuses are sorted by name, which says nothing.
    names = [one.name for one in pod.spec.containers or pod.status.container_statuses]
    return working_containers(names, pod.metadata.annotations)


def working_first(pod: Pod) -> list[ContainerStatus]:
    """What is known of the Pod's containers: the main one first, the sidecars last."""
    names = working_of_pod(pod)
    places = {name: place for place, name in enumerate(names)}
    return sorted(pod.status.container_statuses, key=lambda one: places.get(one.name, len(names)))
