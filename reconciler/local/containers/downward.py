"""What a container may ask of its own Pod: fields, and what it may use (Kubernetes' downward API)."""

import json
import math
import os
import re
import shutil
from decimal import Decimal

from reconciler.local.files.supplies import Unavailable
from reconciler.local.network.addresses import LOOPBACK
from reconciler.local.quantities import quantity
from reconciler.wire.protocol import Body

_METADATA = ("name", "namespace", "uid")
_MAPPINGS = ("labels", "annotations")
_ENTRY = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_KNOWN = "metadata.name, .namespace, .uid, .labels and .annotations, spec.nodeName, spec.serviceAccountName, \
status.podIP, .podIPs, .hostIP and .hostIPs"


def field(pod: Body, path: str, address: str = "") -> str:
    """A field of the Pod, as text.

    Args:
        pod: The Pod.
        path: The field, such as `metadata.labels['app']`; a label that is not there is empty.
        address: The Pod's address.

    Raises:
        Unavailable: no container may ask for that field.
    """
    metadata, spec = pod["metadata"], pod["spec"]
    if entry := _ENTRY.fullmatch(path):
        return str((metadata.get(entry[1]) or {}).get(entry[2], ""))
    section, _, name = path.partition(".")
    if section == "metadata" and name in _METADATA:
        return str(metadata.get(name, ""))
    if section == "metadata" and name in _MAPPINGS:
        return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted((metadata.get(name) or {}).items()))
    others = {
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName") or "default",
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": LOOPBACK,
        "status.hostIPs": LOOPBACK,
    }
    if path not in others:
        raise Unavailable(f"fieldPath {path} is none that a container may ask for; those are {_KNOWN}")
    return str(others[path])


def resource(pod: Body, container: Body, reference: Body) -> str:
    """What a container requests or is limited to, in whole divisors, rounded up.

    Without a limit the machine itself is the limit; without a request the limit is the request.

    Args:
        pod: The Pod.
        container: The container that asks; it may ask about another one.
        reference: A `resourceFieldRef`.

    Raises:
        Unavailable: there is no such container or resource, or a quantity is none.
    """
    about = _container(pod, reference["containerName"]) if reference.get("containerName") else container
    side, _, name = str(reference.get("resource", "")).partition(".")
    given = about.get("resources") or {}
    limit = (given.get("limits") or {}).get(name)
    try:
        match side:
            case "limits":
                amount = quantity(limit or 0) or _machine(name)
            case "requests":
                amount = quantity((given.get("requests") or {}).get(name) or limit or 0)
            case _:
                raise Unavailable(f"resource {side}.{name} is unknown; ask for limits.{name} or requests.{name}")
        divisor = quantity(reference.get("divisor") or 0) or Decimal(1)
    except ValueError as error:
        raise Unavailable(f'{side}.{name} of container "{about.get("name")}": {error}') from error
    return str(_divided(amount, divisor, 1000 if name == "cpu" else 1))


def _divided(amount: Decimal, divisor: Decimal, scale: int) -> int:
    """How many divisors an amount is, rounded up; CPUs are first counted in thousandths, all else in whole units."""
    return -(-math.ceil(amount * scale) // max(1, math.ceil(divisor * scale)))


def _quoted(value: str) -> str:
    return json.dumps(str(value), ensure_ascii=False)


def _container(pod: Body, name: str) -> Body:
    spec = pod["spec"]
    every: list[Body] = [*spec["containers"], *(spec.get("initContainers") or ())]
    for container in every:
        if container["name"] == name:
            return container
    names = ", ".join(container["name"] for container in every)
    raise Unavailable(f"container {name} not found; the Pod has {names}")


def _machine(name: str) -> Decimal:
    """What this machine has of a resource."""
    match name:
        case "cpu":
            return Decimal(os.cpu_count() or 1)
        case "memory":
            return Decimal(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        case "ephemeral-storage":
            return Decimal(shutil.disk_usage("/").total)
        case _:
            return Decimal(0)
