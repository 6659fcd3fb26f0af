"""What the API server does to Pods: defaults, first status, validation, and what may still change."""

from collections.abc import Iterator
from typing import Any

from models.kinds import POD, Key
from reconciler.memory import containers
from reconciler.memory.document import replaced
from reconciler.memory.refusals import bad_request, invalid, refused_binding
from reconciler.wire.protocol import Body

GRACE_SECONDS = 30
"""How long a Pod has to end that does not say how long."""

DEFAULTS: Body = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": GRACE_SECONDS,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "enableServiceLinks": True,
}
CONTAINER_DEFAULTS: Body = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
RESTART_POLICIES = ("Always", "OnFailure", "Never")
LONGEST_DEADLINE = 2**31 - 1
# What may change later, each in its own way; of containers, the image may.
CHANGEABLE = ("activeDeadlineSeconds", "tolerations", "schedulingGates")
FORBIDDEN_CHANGE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def created(body: Body, now: str) -> Body:
    """A new Pod with defaults and its first status.

    Raises:
        Invalid: the Pod is wrong.
    """
    spec = with_defaults(body.get("spec") or {})
    _refuse_oversized(spec)
    _refuse(body, _violations(spec))
    status: Body = {"phase": "Pending"}
    if spec.get("schedulingGates"):
        message = "Scheduling is blocked due to non-empty scheduling gates"
        status["conditions"] = [_scheduled("False", now) | {"reason": "SchedulingGated", "message": message}]
    return {**body, "spec": spec, "status": status}


def updated(old: Body, new: Body) -> Body:
    """A changed Pod with defaults.

    Raises:
        Invalid: the Pod is wrong, or something changed that may not.
    """
    before, spec = (with_defaults(body.get("spec") or {}) for body in (old, new))
    if spec == before:
        return {**new, "spec": old["spec"]}
    _refuse_oversized(spec)
    looked_at = ("containers", "initContainers", "activeDeadlineSeconds")
    wrong = _violations(spec) if any(spec.get(field) != before.get(field) for field in looked_at) else ()
    _refuse(new, [*wrong, *_forbidden_changes(before, spec)])
    return {**new, "spec": spec}


def bound(key: Key, body: Body, node: str, now: str) -> Body:
    """A Pod that was assigned to a node.

    Raises:
        Conflict: it is gated, or has a node.
    """
    spec, status = body.get("spec", {}), body.get("status", {})
    if spec.get("schedulingGates"):
        raise refused_binding(key, f"pod {key.name} has non-empty .spec.schedulingGates")
    if spec.get("nodeName"):
        raise refused_binding(key, f'pod {key.name} is already assigned to node "{spec["nodeName"]}"')
    others = [condition for condition in status.get("conditions", []) if condition["type"] != "PodScheduled"]
    conditions = [*others, _scheduled("True", now)]
    return {**body, "spec": {**spec, "nodeName": node}, "status": {**status, "conditions": conditions}}


def grace_seconds(body: Body) -> int:
    """How long a Pod keeps existing after it was asked to go: not at all if no kubelet has to end it."""
    if not body.get("spec", {}).get("nodeName") or body.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    seconds: int = body["spec"].get("terminationGracePeriodSeconds", DEFAULTS["terminationGracePeriodSeconds"])
    return seconds if seconds >= 0 else 1


def with_defaults(spec: Body) -> Body:
    """The Pod's spec with the values that the API server fills in."""
    result = DEFAULTS | {key: value for key, value in spec.items() if value not in (None, []) or key == "containers"}
    for field in ("containers", "initContainers"):
        if isinstance(result.get(field), list):
            result[field] = [_container_with_defaults(container) for container in result[field]]
    return result


def _container_with_defaults(container: Any) -> Any:
    if not isinstance(container, dict):
        return container
    image = str(container.get("image") or "")
    name, _, tag = image.rpartition("/")[2].partition("@")[0].partition(":")
    latest = name and tag in ("", "latest") and "@" not in image
    policy = {"imagePullPolicy": "Always" if latest else "IfNotPresent"}
    return CONTAINER_DEFAULTS | policy | container


def _violations(spec: Body) -> Iterator[str]:
    yield from containers.violations(spec)
    if spec["restartPolicy"] not in RESTART_POLICIES:
        supported = ", ".join(f'"{policy}"' for policy in RESTART_POLICIES)
        yield f'spec.restartPolicy: Unsupported value: "{spec["restartPolicy"]}": supported values: {supported}'
    seconds = spec.get("activeDeadlineSeconds")
    if isinstance(seconds, int) and not 1 <= seconds <= LONGEST_DEADLINE:
        rule = f"must be between 1 and {LONGEST_DEADLINE}, inclusive"
        yield f"spec.activeDeadlineSeconds: Invalid value: {seconds}: {rule}"
    if spec.get("schedulingGates") and spec.get("nodeName"):
        yield "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"


def _forbidden_changes(old: Body, new: Body) -> Iterator[str]:
    gates = [gate["name"] for gate in old.get("schedulingGates", [])]
    for index, gate in enumerate(new.get("schedulingGates", [])):
        if gate.get("name") not in gates:
            where = f"spec.schedulingGates[{index}].name"
            yield f"{where}: Forbidden: only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
    if any(toleration not in new.get("tolerations", []) for toleration in old.get("tolerations", [])):
        yield "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
    if "activeDeadlineSeconds" in old:
        seconds = new.get("activeDeadlineSeconds")
        if seconds is None or seconds > old["activeDeadlineSeconds"]:
            yield f"spec.activeDeadlineSeconds: Invalid value: {seconds}: must be less than or equal to previous value"
    if _fixed(old, gated=bool(gates), before=old) != _fixed(new, gated=bool(gates), before=old):
        yield FORBIDDEN_CHANGE


def _fixed(spec: Body, *, gated: bool, before: Body) -> Body:
    """What of a Pod's spec may not change any more."""
    fixed = {key: value for key, value in spec.items() if key not in CHANGEABLE}
    for field in ("containers", "initContainers"):
        fixed[field] = [replaced(container, "image", None) for container in spec.get(field, [])]
    if before["terminationGracePeriodSeconds"] < 0 and spec["terminationGracePeriodSeconds"] == 1:
        fixed["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    selector, required = fixed.get("nodeSelector", {}), before.get("nodeSelector", {})
    if gated and selector.items() >= required.items():
        fixed["nodeSelector"] = required
    return fixed


def _scheduled(status: str, now: str) -> Body:
    return {"type": "PodScheduled", "status": status, "lastProbeTime": None, "lastTransitionTime": now}


def _refuse_oversized(spec: Body) -> None:
    for cause in containers.oversized(spec):
        raise bad_request(f'Pod in version "v1" cannot be handled as a Pod: {cause}')


def _refuse(body: Body, causes: Any) -> None:
    if found := list(causes):
        raise invalid(POD, body["metadata"]["name"], found)
