"""Object metadata: what a client may set, and which names, labels, annotations, finalizers and owners are valid."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from models.kinds import SERVICE, Key, Kind
from reconciler.memory.refusals import bad_request, invalid
from reconciler.wire.protocol import Body

# The server writes these; what a client sends in them is ignored or, for some, compared.
SYSTEM = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)
MAPS = ("labels", "annotations")
LISTS = ("ownerReferences", "finalizers")
KNOWN = frozenset(("name", "generateName", "namespace", *MAPS, *LISTS, *SYSTEM))
STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
ANNOTATIONS_SIZE = 256 * 1024

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
NAME_PART = r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]"


def _check(pattern: str, longest: int) -> Callable[[str], bool]:
    """A cached check of a string against a pattern and a length."""
    compiled = re.compile(pattern)

    @lru_cache(maxsize=65536)
    def fits(text: str) -> bool:
        return len(text) <= longest and compiled.fullmatch(text) is not None

    return fits


DNS_SUBDOMAIN = _check(SUBDOMAIN, 253)
DNS_LABEL = _check(LABEL, 63)
DNS_1035_LABEL = _check(r"[a-z]([-a-z0-9]*[a-z0-9])?", 63)
LABEL_VALUE = _check(rf"({NAME_PART})?", 63)


@lru_cache(maxsize=65536)
def is_qualified_name(text: str) -> bool:
    """Whether a text is a name of labels, annotations or finalizers: a word, perhaps after a DNS subdomain and `/`."""
    prefix, slash, name = text.rpartition("/")
    return bool(name) and LABEL_VALUE(name) and (not slash or DNS_SUBDOMAIN(prefix))


def as_sent(kind: Kind, body: Body) -> Body:
    """The metadata of an object that is to be created, without what only the server may set.

    Raises:
        Invalid: the name is missing, or a field is of the wrong type.
    """
    ignored = set(SYSTEM) - ({"generation"} if kind == SERVICE else set())  # the one kind to keep what it is sent
    metadata = {key: value for key, value in body["metadata"].items() if key not in ignored}
    if not metadata.get("name") and not metadata.get("generateName"):
        raise invalid(kind, "", ["metadata.name: Required value: name or generateName is required"])
    return tidied(kind, metadata)


def tidied(kind: Kind, metadata: Body) -> Body:
    """The metadata without unknown fields and empty maps and lists.

    Raises:
        Invalid: a field is of the wrong type.
    """
    for field in (*MAPS, *LISTS):
        value = metadata.get(field)
        if value is not None and not _well_typed(field, value):
            raise bad_request(f"{kind.name} cannot be handled: metadata.{field} has the wrong type: {value!r:.100}")
    return {key: value for key, value in metadata.items() if key in KNOWN and (value or key not in (*MAPS, *LISTS))}


def unknown(metadata: Body) -> tuple[str, ...]:
    """The warnings about fields that are not known."""
    return tuple(f'unknown field "metadata.{field}"' for field in sorted(metadata.keys() - KNOWN))


def check(kind: Kind, metadata: Body) -> None:
    """Refuse metadata that is not valid.

    Raises:
        Invalid: it is not; the message names each field.
    """
    causes = [
        *_name(kind, metadata["name"]),
        *_labels(metadata.get("labels") or {}),
        *_annotations(metadata.get("annotations") or {}),
        *_owners(metadata.get("ownerReferences") or []),
        *_finalizers(kind, metadata.get("finalizers") or []),
    ]
    if causes:
        raise invalid(kind, metadata["name"], causes)


def check_place(key: Key, body: Body) -> None:
    """Refuse a document that belongs to another object than the request.

    Raises:
        Invalid: its kind, name or namespace is another one.
    """
    metadata = body.get("metadata") or {}
    if (body.get("apiVersion"), body.get("kind")) != (key.kind.api_version, key.kind.name):
        raise invalid(key.kind, key.name, [f'kind: Invalid value: "{body.get("kind")}": must be {key.kind.name}'])
    if metadata.get("name") != key.name:
        raise bad_request(
            f"the name of the object ({metadata.get('name')}) does not match the name on the URL ({key.name})"
        )
    if metadata.get("namespace") != key.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def check_finalizers(key: Key, old: Body, new: Body) -> None:
    """Refuse new finalizers on an object that is being deleted.

    Raises:
        Invalid: there are some.
    """
    before, after = (set(body["metadata"].get("finalizers", ())) for body in (old, new))
    if "deletionTimestamp" in old["metadata"] and not after <= before:
        why = "no new finalizers can be added if the object is being deleted, found new finalizers"
        raise invalid(key.kind, key.name, [f"metadata.finalizers: Forbidden: {why} {sorted(after - before)}"])


def _well_typed(field: str, value: object) -> bool:
    if field in MAPS:
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    items = value if isinstance(value, list) else [None]
    return all(isinstance(item, str if field == "finalizers" else dict) for item in items)


def _name(kind: Kind, name: str) -> Iterator[str]:
    if kind == SERVICE and not DNS_1035_LABEL(name):
        yield (
            f'metadata.name: Invalid value: "{name}": a DNS-1035 label must consist of at most 63 lower case '
            "alphanumeric characters or '-', start with a letter, and end with an alphanumeric character"
        )
    elif not DNS_SUBDOMAIN(name):
        yield (
            f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of at most 253 lower '
            "case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        )


def _labels(labels: dict[str, str]) -> Iterator[str]:
    for key, value in labels.items():
        if not is_qualified_name(key):
            yield f'metadata.labels: Invalid value: "{key}": name part must be a valid label key'
        if not LABEL_VALUE(value):
            yield (
                f'metadata.labels: Invalid value: "{value}": a valid label must be an empty string or consist of at '
                "most 63 alphanumeric characters, '-', '_' or '.', and must start and end with one of the first"
            )


def _annotations(annotations: dict[str, str]) -> Iterator[str]:
    for key in annotations:
        if not is_qualified_name(key.lower()):
            yield f'metadata.annotations: Invalid value: "{key}": name part must be a valid annotation key'
    if sum(len(key) + len(value) for key, value in annotations.items()) > ANNOTATIONS_SIZE:
        yield f"metadata.annotations: Too long: may not be more than {ANNOTATIONS_SIZE} bytes"


def _owners(owners: list[Body]) -> Iterator[str]:
    for owner in owners:
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield f'metadata.ownerReferences.{field}: Invalid value: "": must not be empty'
    controllers = [f"{owner.get('kind')}/{owner.get('name')}" for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        yield (
            "metadata.ownerReferences: Invalid value: Only one reference can have Controller set to true. "
            f'Found "true" in references for {" and ".join(controllers)}'
        )


def _finalizers(kind: Kind, finalizers: list[str]) -> Iterator[str]:
    for index, finalizer in enumerate(finalizers):
        standard = finalizer in STANDARD_FINALIZERS or kind.group
        if not is_qualified_name(finalizer) or ("/" not in finalizer and not standard):
            yield (
                f'metadata.finalizers[{index}]: Invalid value: "{finalizer}": name is neither a standard finalizer '
                "name nor is it fully qualified"
            )
