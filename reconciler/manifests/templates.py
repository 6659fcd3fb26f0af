"""Mistakes in Pod specs that no Kubernetes would let pass, found before anything is made of them.

Custom resources take their templates as they come; that no Pod can be made of one would be seen only when it is tried.
Only what is wrong in every Kubernetes is looked for: fields that nobody here knows are Kubernetes' business.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, Kind
from reconciler.manifests.yaml_errors import RENDER
from reconciler.wire.wording import brief, did_you_mean, shown

_PLACES: Mapping[Kind, tuple[str, ...]] = {
    DASK_CLUSTER: ("spec.scheduler.spec", "spec.worker.spec"),
    DASK_JOB: ("spec.job.spec", "spec.cluster.spec.scheduler.spec", "spec.cluster.spec.worker.spec"),
    DASK_WORKER_GROUP: ("spec.worker.spec",),
    POD: ("spec",),
}
_QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+|[KMGTPE]i|[numkMGTPE])?")
_AMOUNTS = ("limits", "requests")
_CONTAINERS = ("containers", "initContainers")
_PODS = (*_CONTAINERS, "ephemeralContainers")
_UNITS = {"B": "", "b": "", "g": "G", "t": "T", "kb": "k", "KB": "k", "K": "k", "mb": "M", "gb": "G", "tb": "T"}


def impossible(kind: Kind, manifest: Mapping[str, Any]) -> Iterator[str]:
    """What to say of each mistake in a manifest's Pod specs.

    Args:
        kind: The manifest's kind.
        manifest: The manifest; where it is of another shape, nothing is said.
    """
    for place in _PLACES.get(kind, ()):
        value: Any = manifest
        for name in place.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, Mapping):
            yield from _pod(value, place)


def _pod(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    if not spec.get("containers"):
        near = next((name for name in spec if name not in _PODS and did_you_mean(name, ["containers"])), "")
        remedy = f"correct {near}, which is misspelt" if near else "add a list with at least one container"
        yield f"{path}.containers is missing; {remedy}"
    for field in _CONTAINERS:
        value = spec.get(field) or []
        if not isinstance(value, list):
            yield f"{path}.{field} is {shown(value)}; it must be a list: begin each container with '- name:'"
            continue
        for number, container in enumerate(value):
            place = f"{path}.{field}[{number}]"
            if isinstance(container, Mapping):
                yield from _container(container, place)
            else:
                yield f"{place} is {shown(container)}; it must be a mapping with a name and an image"


def _container(container: Mapping[str, Any], path: str) -> Iterator[str]:
    for field in ("name", "image"):
        value = container.get(field)
        if value is None or value == "":
            others = [name for name in container if name not in _FIELDS]
            near = next((name for name in others if did_you_mean(name, [field])), "")
            yield f"{path}.{field} is missing; " + (f"correct {near}, which is misspelt" if near else "add it")
        elif not isinstance(value, str):
            yield f"{path}.{field} is {shown(value)}; it must be text; put it in quotes"
        elif field == "image" and "{{" in value:
            yield f"{path}.{field} is {shown(value)}; {RENDER}"
    for field in ("command", "args"):
        yield from _words(container.get(field), f"{path}.{field}")
    yield from _variables(container.get("env"), f"{path}.env")
    yield from _resources(container.get("resources"), f"{path}.resources")


_FIELDS = (
    *("args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "name", "ports"),
    *("readinessProbe", "resizePolicy", "resources", "restartPolicy", "securityContext", "startupProbe", "stdin"),
    *("stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts"),
    *("workingDir", "restartPolicyRules"),
)
"""A container's; none of them is another misspelt."""


def _words(value: Any, path: str) -> Iterator[str]:
    """What is wrong with a command or its arguments."""
    if value is None:
        return
    if isinstance(value, str):
        yield f"{path} is {shown(value)}; it must be a list: {brief(_split(value))}"
    elif not isinstance(value, list):
        yield f'{path} is {shown(value)}; it must be a list of text, such as ["python", "job.py"]'
    else:
        for number, word in enumerate(value):
            if not isinstance(word, str):
                yield f"{path}[{number}] is {shown(word)}; it must be text; put it in quotes"


def _split(words: str) -> list[str]:
    try:
        return shlex.split(words)
    except ValueError:  # a quote is left open
        return words.split()


def _variables(value: Any, path: str) -> Iterator[str]:
    """What is wrong with a container's environment."""
    if value is None:
        return
    if not isinstance(value, list):
        yield f'{path} is {shown(value)}; it must be a list, such as [{{name: LEVEL, value: "3"}}]'
        return
    for number, variable in enumerate(value):
        place = f"{path}[{number}]"
        if not isinstance(variable, Mapping):
            yield f'{place} is {shown(variable)}; it must be a mapping, such as {{name: LEVEL, value: "3"}}'
        elif variable.get("name") in (None, ""):
            yield f"{place}.name is missing; add it"
        elif not isinstance(variable.get("value", ""), str | None):
            yield f"{place}.value is {shown(variable['value'])}; it must be text; put it in quotes"


def _resources(value: Any, path: str) -> Iterator[str]:
    """What is wrong with what a container wants."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield f"{path} is {shown(value)}; it must be a mapping with limits and requests"
        return
    for field in _AMOUNTS:
        amounts = value.get(field)
        if isinstance(amounts, Mapping):
            for name, amount in amounts.items():
                if not _is_quantity(amount):
                    remedy = f"it must be a quantity, such as {_meant(name, amount)}"
                    yield f"{path}.{field}.{name} is {shown(amount)}; {remedy}"
        elif amounts is not None:
            yield f"{path}.{field} is {shown(amounts)}; it must be a mapping, such as {{cpu: 2, memory: 4Gi}}"


def _is_quantity(amount: Any) -> bool:
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
    return amount is None or is_number or (isinstance(amount, str) and _QUANTITY.fullmatch(amount) is not None)


def _meant(name: str, amount: Any) -> str:
    """The quantity that was probably meant."""
    found = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]*)", str(amount).strip())
    if found:
        unit = found[2].removesuffix("B") if len(found[2]) > 1 else found[2]
        meant = f"{found[1]}{_UNITS.get(unit, unit)}"
        if _QUANTITY.fullmatch(meant):
            return meant
    return {"memory": "4Gi", "cpu": "2 or 500m"}.get(name, "1")
