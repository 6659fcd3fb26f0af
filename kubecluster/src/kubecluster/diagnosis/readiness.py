"""Which parts of a cluster are ready, and why not: its scheduler, its Service, its worker groups."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kubecluster.diagnosis import causes, events
from kubecluster.diagnosis.absence import absence, endings
from kubecluster.diagnosis.causes import Cause
from kubecluster.diagnosis.giving_up import has_failed_enough, is_given_up
from kubecluster.diagnosis.sight import (
    Body,
    Sight,
    clause,
    items,
    name_of,
    present,
    scheduler_pods,
    sentence,
    text,
)
from kubecluster.diagnosis.trouble import trouble_of
from kubecluster.diagnosis.workers import Group, groups_of, shortage
from kubecluster.errors import TimedOut
from kubecluster.names import ConditionType, Reason


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a cluster.

    Args:
        resource: Which, such as `pod/simple-scheduler`.
        ready: How many are ready.
        wanted: How many are wanted.
        sentence: Why it is not ready, or that it is.
        cause: What that means; `None` if it is ready.
        pod: A Pod whose last log lines would help; may be empty.
    """

    resource: str
    ready: int
    wanted: int
    sentence: str
    cause: Cause | None = None
    pod: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a cluster.

    Args:
        scheduler: Its scheduler Pod.
        service: The Service through which clients reach it.
        groups: Its worker groups.
        workers: All of these together.
    """

    scheduler: Part
    service: Part
    groups: tuple[Part, ...]
    workers: Part


def parts(first: datetime, sight: Sight) -> Parts:
    """The parts of a cluster that is there.

    Args:
        first: When people began to wait for it.
        sight: What is seen.
    """
    cluster = sight.cluster or {}
    groups = groups_of(first, sight)
    each = tuple(_workers(f"daskworkergroup/{group.name}", [group]) for group in groups)
    together = _workers("workers", groups)
    return Parts(_scheduler(first, sight, cluster), _service(first, sight, cluster), each, together)


def _scheduler(first: datetime, sight: Sight, cluster: Body) -> Part:
    pod = next(iter(scheduler_pods(sight)), None)
    if pod is None:
        return _no_scheduler(first, sight, cluster)
    resource = f"pod/{name_of(pod)}"
    trouble = trouble_of(pod, events.of(sight, pod))
    if trouble is None:
        return Part(resource, 1, 1, f"The scheduler Pod {name_of(pod)} is ready.")
    told = sentence(f"The scheduler Pod {name_of(pod)} {trouble}")
    is_final = trouble.cause.is_final or is_given_up(cluster, pod)
    cause = replace(trouble.cause, is_final=is_final)
    return Part(resource, 0, 1, told, cause, name_of(pod) if trouble.wants_log else "")


def _no_scheduler(first: datetime, sight: Sight, cluster: Body) -> Part:
    resource, replaced = f"pod/{name_of(cluster)}-scheduler", present(cluster, ConditionType.SCHEDULER_READY)
    if replaced.get("reason") != Reason.REPLACING:
        why = absence(first, sight, cluster, f"{name_of(cluster)}-scheduler")
        return Part(resource, 0, 1, why.sentence("scheduler Pod"), why.cause)
    cause = endings(cluster)
    cause = causes.STARTING if cause is None else replace(cause, is_final=has_failed_enough(cluster))
    return Part(resource, 0, 1, sentence(text(replaced, "message")), cause)


def _service(first: datetime, sight: Sight, cluster: Body) -> Part:
    """The Service through which clients reach the scheduler; of two, the one that lacks something."""
    usual = f"{name_of(cluster)}-scheduler"
    if not sight.services:
        why = absence(first, sight, cluster)
        return Part(f"service/{usual}", 0, 1, why.sentence(f"Service {usual}"), why.cause)
    for service in sight.services:
        ingress = items(service, "status", "loadBalancer", "ingress")
        if text(service, "spec", "type") == "LoadBalancer" and not ingress:
            return _unbalanced(service, events.last_trouble(events.of(sight, service)))
    names = [name_of(service) for service in sight.services]
    name = usual if usual in names else names[0]
    return Part(f"service/{name}", 1, 1, f"The Service {name} is there.")


def _unbalanced(service: Body, error: str) -> Part:
    told = (
        f"The load balancer of the Service {name_of(service)} has no address yet{': ' if error else ''}{clause(error)}"
    )
    remedy = (
        f"{causes.PATIENCE} Where load balancers get no addresses, set scheduler_service_type to ClusterIP: then ports "
        "are forwarded."
    )
    return Part(f"service/{name_of(service)}", 0, 1, sentence(told), Cause(TimedOut, remedy))


def _workers(resource: str, groups: Sequence[Group]) -> Part:
    ready, wanted = sum(group.ready for group in groups), sum(group.wanted for group in groups)
    lack = shortage(groups)
    if lack is not None:
        return Part(resource, ready, wanted, lack.sentence, lack.cause, lack.pod)
    verb = "have joined" if all(group.has_joined for group in groups) else "are ready"
    told = f"{min(wanted, ready)} of {wanted} workers {verb}." if wanted else "No workers are wanted."
    return Part(resource, ready, wanted, told)
