"""What is said of a cluster's scheduler: its Pod and the Services in front of it."""

from models.base import Condition, find_condition
from models.kinds import POD
from models.observed import Pod, Service
from models.resources import DaskCluster
from reconciler.passes.report.conditions import condition
from reconciler.passes.report.pod_trouble import explain
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View, is_live
from reconciler.passes.values import Action, Result, Verb
from reconciler.rules import names
from reconciler.rules.labels import Role
from reconciler.rules.names import Naming
from reconciler.rules.parts import find_child, naming_or_default
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason


def live_scheduler(view: View, cluster: DaskCluster) -> Pod | None:
    """The scheduler Pod that counts: one that is there to stay, ready rather than not."""
    live = [pod for pod in view.snapshot.children(cluster.metadata.uid, Pod) if is_live(pod)]
    return min(live, key=lambda pod: (not pod.is_ready, pod.metadata.name), default=None)


def scheduler_ready(view: View, cluster: DaskCluster, acceptance: Condition) -> Condition:
    """The condition `SchedulerReady`.

    Args:
        view: The world.
        cluster: The cluster.
        acceptance: Its condition `Accepted`.
    """
    pod = live_scheduler(view, cluster)
    if pod is None:
        return _absent(view, cluster, acceptance)
    if pod.is_ready:
        message = f"The scheduler Pod {pod.metadata.name} is ready."
        return condition(ConditionType.SCHEDULER_READY, Reason.READY, message)
    message = f"The scheduler Pod {pod.metadata.name} {explain(pod)}"
    return condition(ConditionType.SCHEDULER_READY, Reason.SCHEDULER_NOT_READY, sentence(message))


def replacement_begun(view: View, cluster: DaskCluster) -> Action | None:
    """The delete by which a scheduler Pod began to be replaced in this pass; `None` if none did."""
    done = view.responses_of(cluster, (Verb.DELETE,), (Result.DONE,))
    gone = [response.action for response in done if response.action.key.kind == POD]
    staying = live_scheduler(view, cluster)
    if not gone or (staying is not None and staying.key in view.previous.objects):
        return None
    return gone[0]


def in_words(replacement: Action) -> str:
    """Which scheduler Pod is being replaced, and why."""
    return sentence(f"The scheduler Pod {replacement.key.name} is being replaced: {replacement.reason}")


def _absent(view: View, cluster: DaskCluster, acceptance: Condition) -> Condition:
    if acceptance.status == "False":
        message = f"There is no scheduler Pod, since the API server refused it: {acceptance.message}"
        return condition(ConditionType.SCHEDULER_READY, Reason.NOT_CREATED, sentence(message))
    begun = replacement_begun(view, cluster)
    if begun is not None:
        return condition(ConditionType.SCHEDULER_READY, Reason.REPLACING, in_words(begun))
    known = find_condition(cluster.status.conditions, ConditionType.SCHEDULER_READY)
    if known is not None and known.reason == Reason.REPLACING:
        return known
    leftover = min(view.snapshot.children(cluster.metadata.uid, Pod), key=lambda pod: pod.metadata.name, default=None)
    if leftover is not None:
        message = f"The scheduler Pod {leftover.metadata.name} {explain(leftover)}"
        return condition(ConditionType.SCHEDULER_READY, Reason.SCHEDULER_NOT_READY, sentence(message))
    return condition(ConditionType.SCHEDULER_READY, Reason.NOT_CREATED, "The scheduler Pod has not been created yet.")


def has_services(view: View, cluster: DaskCluster) -> bool:
    """Whether any of the cluster's Services exists."""
    return any(service is not None for _, service in _services(view, cluster))


def service_trouble(view: View, cluster: DaskCluster, acceptance: Condition) -> tuple[Reason, str] | None:
    """What the Services lack, as a reason and a sentence; `None` if they are complete."""
    for name, service in _services(view, cluster):
        if service is None and acceptance.status == "False":
            message = f"There is no Service {name}, since the API server refused it: {acceptance.message}"
            return Reason.NOT_CREATED, sentence(message)
        if service is None:
            return Reason.NOT_CREATED, f"The Service {name} has not been created yet."
        is_balanced = service.spec.get("type") == "LoadBalancer"
        if is_balanced and not service.status.load_balancer.ingress:
            return Reason.SERVICE_NOT_READY, f"The load balancer of the Service {name} has no address yet."
    return None


def _services(view: View, cluster: DaskCluster) -> list[tuple[str, Service | None]]:
    """The Services that the cluster's naming set asks for, with what is there of them."""
    naming = naming_or_default(cluster)
    asked = [(Role.USER_SERVICE, names.user_service(naming, cluster.metadata.name))]
    if naming is Naming.CLASSIC:
        asked.append((Role.COMM_SERVICE, names.comm_service(cluster.metadata.name)))
    there = view.snapshot.children(cluster.metadata.uid, Service)
    return [(name, find_child(there, role, name)) for role, name in asked]
