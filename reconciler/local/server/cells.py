"""How `kubectl get` shows Kubernetes' own kinds: the columns of the API server's printers, and what is in them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from models.kinds import CONFIG_MAP, EVENT, NAMESPACE, POD, POD_DISRUPTION_BUDGET, SECRET, SERVICE, Kind
from reconciler.local.server.ages import age
from reconciler.wire.protocol import Body

NONE = "<none>"

Column = tuple[str, int]
"""A name, and 1 if only `-o wide` shows it."""

Cells = Callable[[Body, datetime], list[Any]]


def _pod(pod: Body, now: datetime) -> list[Any]:
    spec, status = pod["spec"], pod.get("status", {})
    state, ready, restarts, last = _progress(pod)
    sidecars = [one for one in spec.get("initContainers", ()) if one.get("restartPolicy") == "Always"]
    again = f"{restarts} ({age(last, now)} ago)" if restarts and last else str(restarts)
    ips = [one["ip"] for one in status.get("podIPs", ())] or [status.get("podIP") or NONE]
    return [
        pod["metadata"]["name"],
        f"{ready}/{len(spec['containers']) + len(sidecars)}",
        state,
        again,
        age(pod["metadata"].get("creationTimestamp"), now),
        ips[0],
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        NONE,
    ]


def _progress(pod: Body) -> tuple[str, int, int, str]:
    """What a Pod's status comes to in a word; how many containers are ready; restarts, and when the last one was."""
    status = pod.get("status", {})
    phase = status.get("phase", "")
    state = status.get("reason") or phase
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    if conditions.get("PodScheduled", {}).get("reason") == "SchedulingGated":
        state = "SchedulingGated"
    sidecars = {one["name"] for one in pod["spec"].get("initContainers", ()) if one.get("restartPolicy") == "Always"}
    init = status.get("initContainerStatuses", ())
    running = counted = [one for one in init if one["name"] in sidecars]
    word = _initializing(init, sidecars, len(pod["spec"].get("initContainers", ())))
    if word and conditions.get("Initialized", {}).get("status") != "True":
        state, counted = word, list(init)
    else:
        main = list(status.get("containerStatuses", ()))
        counted += main
        running = counted
        words = [_state(one) for one in main if _state(one)]
        state = words[0] if words else state
        if state == "Completed" and any(one["ready"] and "running" in one.get("state", {}) for one in main):
            state = "Running" if conditions.get("Ready", {}).get("status") == "True" else "NotReady"
    if "deletionTimestamp" in pod["metadata"] and phase not in ("Succeeded", "Failed"):
        state = "Terminating"
    ready = sum(1 for one in running if one.get("ready") and "running" in one.get("state", {}))
    ends = [one["lastState"]["terminated"] for one in counted if (one.get("lastState") or {}).get("terminated")]
    last = max((end.get("finishedAt", "") for end in ends), default="")
    return state, ready, sum(one.get("restartCount", 0) for one in counted), last


def _initializing(statuses: Iterable[Body], sidecars: set[str], count: int) -> str:
    """How far the containers are that come first; empty if they are done."""
    for number, one in enumerate(statuses):
        state = one.get("state") or {}
        ended = state.get("terminated")
        if (ended and ended["exitCode"] == 0) or (one["name"] in sidecars and one.get("started")):
            continue
        waits = (state.get("waiting") or {}).get("reason")
        if ended or (waits and waits != "PodInitializing"):
            return f"Init:{_state(one)}"
        return f"Init:{number}/{count}"
    return ""


def _state(container: Body) -> str:
    """Why a container does not run; empty if it does."""
    state = container.get("state") or {}
    if ended := state.get("terminated"):
        return str(ended.get("reason") or f"ExitCode:{ended['exitCode']}")
    return str((state.get("waiting") or {}).get("reason") or "")


def _service(service: Body, now: datetime) -> list[Any]:
    spec = service["spec"]
    ports = [
        f"{port['port']}{':' * bool(port.get('nodePort'))}{port.get('nodePort') or ''}/{port.get('protocol', 'TCP')}"
        for port in spec.get("ports") or ()
    ]
    return [
        service["metadata"]["name"],
        spec.get("type", "ClusterIP"),
        spec.get("clusterIP") or NONE,
        _external(service),
        ",".join(ports) or NONE,
        age(service["metadata"].get("creationTimestamp"), now),
        ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items())) or NONE,
    ]


def _external(service: Body) -> str:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    found = [one.get("ip") or one.get("hostname", "") for one in ingress] if spec.get("type") == "LoadBalancer" else []
    pending = "<pending>" if spec.get("type") == "LoadBalancer" else NONE
    return ",".join([*found, *spec.get("externalIPs", ())]) or pending


def _event(event: Body, now: datetime) -> list[Any]:
    about, source, series = event["involvedObject"], event.get("source") or {}, event.get("series") or {}
    first = event.get("firstTimestamp") or event.get("eventTime")
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or first
    component = source.get("component") or event.get("reportingComponent") or ""
    return [
        age(last, now),
        event.get("type", ""),
        event.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        ", ".join(part for part in (component, source.get("host") or event.get("reportingInstance")) if part),
        event.get("message", "").strip(),
        age(first, now),
        series.get("count") or event.get("count") or 1,
        event["metadata"]["name"],
    ]


def _config_map(body: Body, now: datetime) -> list[Any]:
    held = len(body.get("data") or ()) + len(body.get("binaryData") or ())
    return [body["metadata"]["name"], held, age(body["metadata"].get("creationTimestamp"), now)]


def _secret(body: Body, now: datetime) -> list[Any]:
    created = age(body["metadata"].get("creationTimestamp"), now)
    return [body["metadata"]["name"], body.get("type", ""), len(body.get("data") or ()), created]


def _budget(body: Body, now: datetime) -> list[Any]:
    spec, status = body["spec"], body.get("status") or {}
    bounds = [str(spec.get(name, "N/A")) for name in ("minAvailable", "maxUnavailable")]
    created = age(body["metadata"].get("creationTimestamp"), now)
    return [body["metadata"]["name"], *bounds, status.get("disruptionsAllowed", 0), created]


def _namespace(body: Body, now: datetime) -> list[Any]:
    return [body["metadata"]["name"], "Active", age(body["metadata"].get("creationTimestamp"), now)]


BUILT_IN: Mapping[Kind, tuple[tuple[Column, ...], Cells]] = {
    POD: (
        (
            ("Name", 0),
            ("Ready", 0),
            ("Status", 0),
            ("Restarts", 0),
            ("Age", 0),
            ("IP", 1),
            ("Node", 1),
            ("Nominated Node", 1),
            ("Readiness Gates", 1),
        ),
        _pod,
    ),
    SERVICE: (
        (
            ("Name", 0),
            ("Type", 0),
            ("Cluster-IP", 0),
            ("External-IP", 0),
            ("Port(s)", 0),
            ("Age", 0),
            ("Selector", 1),
        ),
        _service,
    ),
    EVENT: (
        (
            ("Last Seen", 0),
            ("Type", 0),
            ("Reason", 0),
            ("Object", 0),
            ("Subobject", 1),
            ("Source", 1),
            ("Message", 0),
            ("First Seen", 1),
            ("Count", 1),
            ("Name", 1),
        ),
        _event,
    ),
    CONFIG_MAP: ((("Name", 0), ("Data", 0), ("Age", 0)), _config_map),
    SECRET: ((("Name", 0), ("Type", 0), ("Data", 0), ("Age", 0)), _secret),
    POD_DISRUPTION_BUDGET: (
        (("Name", 0), ("Min Available", 0), ("Max Unavailable", 0), ("Allowed Disruptions", 0), ("Age", 0)),
        _budget,
    ),
    NAMESPACE: ((("Name", 0), ("Status", 0), ("Age", 0)), _namespace),
}
