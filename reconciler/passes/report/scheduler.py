"""What is said of a cluster's scheduler: its Pod and the Services in front of it."""

from models.base import Condition, find_condition
from models.kinds import POD
from reconciler.passes.report.at_stake import with_stake
from reconciler.passes.report.conditions import condition
from reconciler.passes.report.pod_trouble import explain
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View
from reconciler.passes.values import Action, Result, Verb
from reconciler.rules.dask_workers import DaskWorkers
from reconciler.rules.parts import ClusterParts
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason


def scheduler_ready(view: View, parts: ClusterParts, acceptance: Condition) -> Condition:
    """The condition `SchedulerReady`.

    Args:
        view: The world.
        parts: What the cluster consists of.
        acceptance: Its condition `Accepted`.
    """
    pod, found = parts.scheduler, _scheduler_ready(view, parts, acceptance)
    if pod is not None and pod.is_ready:
        return found
    return found.model_copy(update={"message": with_stake(found.message, view, parts)})


def _scheduler_ready(view: View, parts: ClusterParts, acceptance: Condition) -> Condition:
    pod = parts.scheduler
    if pod is None:
        return _absent(view, parts, acceptance)
    silence = DaskWorkers(parts).silence if pod is parts.lasting_scheduler else ""
    if pod.is_ready and silence:
        message = f"The scheduler Pod {pod.metadata.name} is ready, but cannot be asked: {silence}"
        return condition(ConditionType.SCHEDULER_READY, Reason.NOT_ANSWERING, sentence(message))
    if pod.is_ready:
        message = f"The scheduler Pod {pod.metadata.name} is ready."
        return condition(ConditionType.SCHEDULER_READY, Reason.READY, message)
    message = f"The scheduler Pod {pod.metadata.name} {explain(pod)}"
    return condition(ConditionType.SCHEDULER_READY, Reason.SCHEDULER_NOT_READY, sentence(message))


def replacement_begun(view: View, parts: ClusterParts) -> Action | None:
    """The delete by which a scheduler Pod began to be replaced in this pass; `None` if none did."""
    done = view.responses_of(parts.cluster, (Verb.DELETE,), (Result.DONE,))
    gone = [response.action for response in done if response.action.key.kind == POD]
    staying = parts.scheduler
    if not gone or (staying is not None and staying.key in view.previous.objects):
        return None
    return gone[0]


def in_words(replacement: Action) -> str:
    """Which scheduler Pod is being replaced, and why."""
    return sentence(f"The scheduler Pod {replacement.key.name} is being replaced: {replacement.reason}")


def _absent(view: View, parts: ClusterParts, acceptance: Condition) -> Condition:
    if acceptance.status == "False":
        message = f"There is no scheduler Pod, since the API server refused it: {acceptance.message}"
        return condition(ConditionType.SCHEDULER_READY, Reason.NOT_CREATED, sentence(message))
    begun = replacement_begun(view, parts)
    if begun is not None:
        return condition(ConditionType.SCHEDULER_READY, Reason.REPLACING, in_words(begun))
    known = find_condition(parts.cluster.status.conditions, ConditionType.SCHEDULER_READY)
    if known is not None and known.reason == Reason.REPLACING:
        return known
    leftover = min(parts.schedulers, key=lambda pod: pod.metadata.name, default=None)
    if leftover is not None:
        message = f"The scheduler Pod {leftover.metadata.name} {explain(leftover)}"
        return condition(ConditionType.SCHEDULER_READY, Reason.SCHEDULER_NOT_READY, sentence(message))
    return condition(ConditionType.SCHEDULER_READY, Reason.NOT_CREATED, "The scheduler Pod has not been created yet.")


def service_trouble(parts: ClusterParts, acceptance: Condition) -> tuple[Reason, str] | None:
    """What the Services lack, as a reason and a sentence; `None` if they are complete."""
    for _, name, service in parts.services:
        if service is None and acceptance.status == "False":
            message = f"There is no Service {name}, since the API server refused it: {acceptance.message}"
            return Reason.NOT_CREATED, sentence(message)
        if service is None:
            return Reason.NOT_CREATED, f"The Service {name} has not been created yet."
        is_balanced = service.spec.get("type") == "LoadBalancer"
        if is_balanced and not service.status.load_balancer.ingress:
            return Reason.SERVICE_NOT_READY, f"The load balancer of the Service {name} has no address yet."
    return None
