"""Label selectors and field selectors."""

import re
from collections.abc import Callable
from functools import lru_cache

from models.kinds import DASK_AUTOSCALER, DASK_WORKER_GROUP, EVENT, POD, SERVICE, Kind
from reconciler.memory.document import at
from reconciler.memory.metadata import LABEL_VALUE, is_qualified_name
from reconciler.memory.refusals import bad_request
from reconciler.wire.protocol import Body

Predicate = Callable[[Body], bool]

PARTS = re.compile(r",(?![^()]*\))")
"""The commas between requirements, not those within parentheses."""

SET = re.compile(r"(?P<key>[^\s=!,]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
REQUIREMENT = re.compile(r"(?P<not>!?)\s*(?P<key>[^\s=!,]+)\s*(?:(?P<operator>==?|!=)\s*(?P<value>[^\s=!,]*))?")
FIELD = re.compile(r"(?P<path>[^=!,]+?)(?P<operator>==?|!=)(?P<value>[^=!,]*)")

EVERYWHERE = ("metadata.name", "metadata.namespace")
FIELDS: dict[Kind, tuple[str, ...]] = {
    POD: (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    SERVICE: ("spec.clusterIP", "spec.type"),
    EVENT: (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    DASK_WORKER_GROUP: ("spec.cluster",),
    DASK_AUTOSCALER: ("spec.cluster",),
}


@lru_cache(maxsize=1024)
def label_selector(selector: str) -> tuple[Predicate, ...]:
    """The requirements of a label selector; an object must meet all.

    Raises:
        Invalid: it cannot be parsed.
    """
    return tuple(_label(part.strip()) for part in PARTS.split(selector)) if selector.strip() else ()


@lru_cache(maxsize=1024)
def field_selector(kind: Kind, selector: str) -> tuple[Predicate, ...]:
    """The requirements of a field selector; an object must meet all.

    Raises:
        Invalid: it cannot be parsed, or names a field that the kind does not offer.
    """
    return tuple(_field(kind, part) for part in selector.split(",")) if selector else ()


def _label(part: str) -> Predicate:
    if (found := SET.fullmatch(part)) is not None:
        name, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if not is_qualified_name(name) or not all(map(LABEL_VALUE, values)):
            raise bad_request(f"unable to parse requirement: {part!r}: the key or a value is no valid label")
        if found["operator"] == "in":
            return lambda body: _labels(body).get(name) in values
        return lambda body: _labels(body).get(name) not in values
    match = REQUIREMENT.fullmatch(part)
    if match is None or (match["not"] and match["operator"]):
        raise bad_request(
            f"unable to parse requirement: {part!r}: write key, !key, key=value, key!=value or key in (a,b)"
        )
    key, operator, value = match["key"], match["operator"], match["value"]
    if not is_qualified_name(key) or not LABEL_VALUE(value or ""):
        raise bad_request(f"unable to parse requirement: {part!r}: the key or the value is no valid label")
    if operator is None:
        wanted = not match["not"]
        return lambda body: (key in _labels(body)) is wanted
    if operator == "!=":
        return lambda body: _labels(body).get(key) != value
    return lambda body: _labels(body).get(key) == value


def _field(kind: Kind, part: str) -> Predicate:
    match = FIELD.fullmatch(part)
    if match is None:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    path, value, wanted = match["path"], match["value"], match["operator"] != "!="
    if path not in (*EVERYWHERE, *FIELDS.get(kind, ())):
        raise bad_request(f"field label not supported: {path}")
    actual = "source.component" if path == "source" else path
    return lambda body: ((at(body, actual) or "") == value) is wanted


def _labels(body: Body) -> dict[str, str]:
    labels: dict[str, str] = body["metadata"].get("labels") or {}
    return labels
