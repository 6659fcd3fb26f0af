"""What the API server looks at in a Pod's containers and volumes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.memory import probes
from reconciler.memory.metadata import DNS_LABEL
from reconciler.wire.protocol import Body

CONTAINERS, INIT_CONTAINERS = "containers", "initContainers"
PROTOCOLS = ("SCTP", "TCP", "UDP")
INT32, INT64 = 2**31, 2**63
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def violations(spec: Body) -> Iterator[str]:
    """What is wrong with a Pod's containers and volumes.

    No two containers have the same name, in whichever of the lists they are.

    Args:
        spec: The Pod's spec.
    """
    volumes = {str(volume.get("name")) for _, volume in _entries(spec.get("volumes"))}
    yield from _volume_violations(spec)
    if not spec.get(CONTAINERS):
        yield f"spec.{CONTAINERS}: Required value"
    seen: set[str] = set()
    for field in (CONTAINERS, INIT_CONTAINERS):
        given = spec.get(field) or ()
        for index, container in enumerate(given if isinstance(given, list | tuple) else (given,)):
            where = f"spec.{field}[{index}]"
            if not isinstance(container, dict):
                yield f"{where}: Invalid value: must be an object"
                continue
            yield from _named(container, seen, where)
            yield from _violations(container, volumes, where)
            # Sidecars are probed as regular containers are; other init containers end by themselves.
            is_probed = field == CONTAINERS or container.get("restartPolicy") == "Always"
            yield from (probes.violations if is_probed else probes.forbidden)(container, where)


def oversized(spec: Body) -> Iterator[str]:
    """The numbers of a Pod that do not fit where Kubernetes keeps them, as it says so: it cannot read such a Pod.

    Args:
        spec: The Pod's spec.
    """
    grace = "terminationGracePeriodSeconds"
    yield from _unfit(spec, {grace: INT64, "activeDeadlineSeconds": INT64}, "PodSpec.spec")
    for field in (CONTAINERS, INIT_CONTAINERS):
        for _, container in _entries(spec.get(field)):
            for _, port in _entries(container.get("ports")):
                yield from _unfit(
                    port, {"containerPort": INT32, "hostPort": INT32}, f"ContainerPort.spec.{field}.ports"
                )
            for name in _PROBES:
                probe = container.get(name)
                if isinstance(probe, dict):
                    limits = {**dict.fromkeys(probes.NUMBERS, INT32), grace: INT64}
                    yield from _unfit(probe, limits, f"Probe.spec.{field}.{name}")


def _unfit(body: Body, limits: Mapping[str, int], where: str) -> Iterator[str]:
    for name, limit in limits.items():
        number = body.get(name)
        if isinstance(number, int) and not -limit <= number < limit:
            kind = "int32" if limit == INT32 else "int64"
            yield f"json: cannot unmarshal number {number} into Go struct field {where}.{name} of type {kind}"


def _volume_violations(spec: Body) -> Iterator[str]:
    seen: set[str] = set()
    for index, volume in _entries(spec.get("volumes")):
        yield from _named(volume, seen, f"spec.volumes[{index}]")


def _named(body: Body, seen: set[str], where: str) -> Iterator[str]:
    """What is wrong with a name, which is then among those that were seen."""
    name = body.get("name")
    if not name:
        yield f"{where}.name: Required value"
    elif not isinstance(name, str) or not DNS_LABEL(name):
        yield f'{where}.name: Invalid value: "{name}": must be a lowercase RFC 1123 label'
    elif name in seen:
        yield f'{where}.name: Duplicate value: "{name}"'
    seen.add(str(name))


def _violations(container: Body, volumes: set[str], where: str) -> Iterator[str]:
    """What is wrong with a container of any sort."""
    if not container.get("image"):
        yield f"{where}.image: Required value"
    yield from _port_violations(container, where)
    for index, variable in _entries(container.get("env")):
        if not variable.get("name"):
            yield f"{where}.env[{index}].name: Required value"
    yield from _mount_violations(container, volumes, where)


def _port_violations(container: Body, where: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, port in _entries(container.get("ports")):
        here = f"{where}.ports[{index}]"
        name, number = port.get("name"), port.get("containerPort")
        if name in seen:
            yield f'{here}.name: Duplicate value: "{name}"'
        elif name:
            seen.add(name)
            yield from probes.port_name_violations(str(name), f"{here}.name")
        if not number:
            yield f"{here}.containerPort: Required value"
        elif isinstance(number, int):
            yield from probes.port_violations(number, f"{here}.containerPort")
        protocol = port.get("protocol") or "TCP"
        if protocol not in PROTOCOLS:
            yield f'{here}.protocol: Unsupported value: "{protocol}": supported values: {_listed(PROTOCOLS)}'


def _mount_violations(container: Body, volumes: set[str], where: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, mount in _entries(container.get("volumeMounts")):
        here = f"{where}.volumeMounts[{index}]"
        name, path = mount.get("name") or "", mount.get("mountPath")
        if not name:
            yield f"{here}.name: Required value"
        if name not in volumes:
            yield f'{here}.name: Not found: "{name}"'
        if not path:
            yield f"{here}.mountPath: Required value"
        elif path in seen:
            yield f'{here}.mountPath: Invalid value: "{path}": must be unique'
        seen.add(str(path))


def _entries(given: Any) -> Iterator[tuple[int, Body]]:
    """The objects in a list, each with its place; what is no list has none."""
    entries: Iterable[Any] = given if isinstance(given, list | tuple) else ()
    yield from ((index, entry) for index, entry in enumerate(entries) if isinstance(entry, dict))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
