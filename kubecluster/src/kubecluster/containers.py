"""What a container is given: its command, its environment and its resources, as Kubernetes wants them written."""

import copy
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from kubecluster import checks
from kubecluster.checks import did_you_mean, listed, text, whole_number, written

Body = dict[str, Any]
Command = str | Sequence[str]
Environment = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Resources = Mapping[str, Mapping[str, Any]]

Objects = Sequence[Mapping[str, Any]]


class PodFields(TypedDict, total=False):
    """What the Pods of scheduler and workers have besides their container; see KubeCluster."""

    security_context: Mapping[str, Any] | None
    service_account: str | None
    node_selector: Mapping[str, str] | None
    tolerations: Objects | None
    volumes: Objects | None
    volume_mounts: Objects | None


GPU = "nvidia.com/gpu"

_FIELDS = ("limits", "requests")
_OF_THE_POD = (
    "fsGroup",
    "fsGroupChangePolicy",
    "seLinuxChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
)
"""What a security context has for a whole Pod alone."""
_VARIABLE_FIELDS = ("name", "value", "valueFrom")
# Without a digit after it, E is a suffix; with one it begins an exponent.
_QUANTITY = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4}|[numkMGTPE]?|[KMGTPE]i)", re.ASCII)
_BYTES = re.compile(r"\s*([kKMGTPE]i?)B$")


def command(value: Any, what: str = "worker_command") -> list[str]:
    """A command's words.

    Args:
        value: The command, split as a shell does; or its words, numbers among them.
        what: What to call it in an error.

    Raises:
        TypeError: it is neither.
        ValueError: there is no word in it, or a quotation mark is not closed.
    """
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"{what} is {value!r}, which no shell understands: {error}") from None
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        words = [written(word, f"a word of {what}") for word in value]
    else:
        raise TypeError(f"{what} is {value!r}; it must be text or a list of words")
    if not words:
        raise ValueError(f"{what} is empty; leave it out for the usual command")
    return words


def environment(value: Any, what: str = "env") -> list[Body]:
    """Environment variables, as a container lists them. Values stay out of errors: they may be secret.

    Args:
        value: Names and values, numbers and truth values among them; or a list of Kubernetes' EnvVars.
        what: What to call them in an error.

    Raises:
        TypeError: it is neither.
        ValueError: a variable has no name, or a field that there is not.
    """
    if isinstance(value, Mapping):
        return [_variable({"name": name, "value": "" if each is None else each}, what) for name, each in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_variable(each, what) for each in value]
    raise TypeError(
        f"{what} is of type {type(value).__name__}; "
        f"it must be a dictionary, or a list such as [{{'name': 'A', 'value': 'b'}}]"
    )


def _variable(value: Any, what: str) -> Body:
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} has a {type(value).__name__} in its list; it must be {{'name': …, 'value': …}}")
    for field in value:
        if field not in _VARIABLE_FIELDS:
            known = f"a variable has {listed(_VARIABLE_FIELDS)}"
            raise ValueError(f"{what} has unknown field {field!r}; {known}{did_you_mean(str(field), _VARIABLE_FIELDS)}")
    if value.get("name") is None:
        raise ValueError(f"{what} has a variable without a name; add one")
    name = text(value["name"], f"the name of a variable in {what}")
    if "=" in name:
        raise ValueError(f"{what} has a variable called {name!r}; a name has no '='")
    variable: Body = {"name": name}
    if value.get("value") is not None:
        variable["value"] = written(value["value"], f"{what}[{name!r}]")
    if value.get("valueFrom") is not None:
        variable["valueFrom"] = copy.deepcopy(value["valueFrom"])
    return variable


def resources(value: Any, what: str = "resources") -> Body:
    """Limits and requests, with every amount as text: dask-kubernetes' definitions refuse numbers.

    Args:
        value: `limits` and `requests`, each a dictionary of names and amounts.
        what: What to call it in an error.

    Raises:
        TypeError: something in it is of another type.
        ValueError: it has another field, or an amount that Kubernetes cannot read.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a dictionary with {' and '.join(_FIELDS)}, found {type(value).__name__}")
    for field in value:
        if field not in _FIELDS:
            known = f"; it has {' and '.join(_FIELDS)}, as in {what}={{'limits': {{'memory': '4Gi'}}}}"
            raise ValueError(f"{what} has unknown field {field!r}{known}{did_you_mean(str(field), _FIELDS)}")
    return {field: _amounts(value[field], f"{what}[{field!r}]") for field in value if value[field] is not None}


def _amounts(value: Any, what: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a dictionary such as {{'memory': '4Gi'}}, found {type(value).__name__}")
    return {name: _amount(each, f"{what}[{name!r}]") for name, each in value.items()}


def _amount(value: Any, what: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"{what} is {value!r}; it must be an amount such as 2, '500m' or '1.5Gi'")
    amount = str(value)
    if _QUANTITY.fullmatch(amount) is None:
        plain = _BYTES.sub(r"\1", amount)
        hint = f"; did you mean {plain!r}?" if plain != amount and _QUANTITY.fullmatch(plain) else ""
        raise ValueError(f"{what} is {value!r}; Kubernetes reads amounts such as '2', '500m' or '1.5Gi'{hint}")
    return amount


def objects(value: Any, what: str) -> list[Body]:
    """A list of dictionaries, such as tolerations.

    Raises:
        TypeError: it is none.
    """
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if not is_list or not all(isinstance(one, Mapping) for one in value):
        raise TypeError(f"{what} is of another type; it must be a list of dictionaries, as in a Pod's spec")
    return copy.deepcopy([dict(one) for one in value])


def object_(value: Any, what: str) -> Body:
    """A dictionary, such as a security context.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is of type {type(value).__name__}; it must be a dictionary, as in a Pod's spec")
    return copy.deepcopy(dict(value))


def pod_fields(given: PodFields) -> tuple[Body, Body]:
    """What a Pod's spec and what its container has of these.

    Args:
        given: Them; `None` and empty ones are none.

    Raises:
        TypeError: something is of a wrong type, or there is no such field.
        ValueError: something makes no sense, or a volume is mounted that is not there.
    """
    for name in given.keys() - PodFields.__annotations__.keys():
        raise TypeError(f"there is no argument {name!r}{did_you_mean(name, PodFields.__annotations__)}")
    some = cast("PodFields", {name: value for name, value in given.items() if value})
    context = object_(some.get("security_context", {}), "security_context")
    volumes, mounts = (objects(some.get(name, ()), name) for name in ("volumes", "volume_mounts"))
    for mount in mounts:
        if mount.get("name") not in [volume.get("name") for volume in volumes]:
            raise ValueError(f"volume_mounts has {mount.get('name')!r}, which is none of the volumes; add it there")
    account = checks.text(some.get("service_account", "default"), "service_account")
    pod = {
        "securityContext": {name: context.pop(name) for name in _OF_THE_POD if name in context},
        "serviceAccountName": account if "service_account" in some else None,
        "nodeSelector": checks.string_map(some.get("node_selector", {}), "node_selector"),
        "tolerations": objects(some.get("tolerations", ()), "tolerations"),
        "volumes": volumes,
    }
    container = {"securityContext": context, "volumeMounts": mounts}
    return {name: each for name, each in pod.items() if each}, {name: each for name, each in container.items() if each}


def without_gpus(given: Body) -> Body:
    """Resources without the GPUs: neither `nvidia.com/gpu` nor its parts and its likes from other makers."""
    kept = {field: {name: each for name, each in given[field].items() if not _is_gpu(name)} for field in given}
    return {field: amounts for field, amounts in kept.items() if amounts}


def with_gpus(given: Body, gpus: int) -> Body:
    """Resources with that many NVIDIA GPUs.

    Raises:
        ValueError: they say another number already.
    """
    wanted = str(whole_number(gpus, "gpus"))
    limits = given.get("limits", {})
    if limits.get(GPU, wanted) != wanted:
        raise ValueError(f"gpus is {gpus}, but the workers' resources limit {GPU} to {limits[GPU]!r}; leave one out")
    return {**given, "limits": {**limits, GPU: wanted}} if gpus else given


def _is_gpu(name: str) -> bool:
    return "/" in name and ("gpu" in name or name.startswith("nvidia.com/"))
