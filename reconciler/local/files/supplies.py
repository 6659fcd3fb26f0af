"""ConfigMaps and Secrets: what stands in the user's files, and how containers come by it."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.manifests import Other
from reconciler.manifests.headers import named
from reconciler.manifests.object_errors import LABEL
from reconciler.memory.metadata import DNS_LABEL, DNS_SUBDOMAIN
from reconciler.wire.protocol import Body
from reconciler.wire.wording import did_you_mean, shown

CONFIG_MAP, SECRET = "ConfigMap", "Secret"
KINDS = (CONFIG_MAP, SECRET)
CORE = "v1"
DEFAULT_NAMESPACE = "default"
SUBDOMAIN = "it must consist of lower-case letters, digits, '-' and '.', and begin and end with a letter or a digit"

_ENCODED = {CONFIG_MAP: "binaryData", SECRET: "data"}
_PLAIN = {CONFIG_MAP: "data", SECRET: "stringData"}
_OTHER_FIELDS = ("apiVersion", "kind", "metadata", "immutable", "type")
_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]{1,253}")


@dataclass(frozen=True, slots=True)
class Supply:
    """What a ConfigMap or a Secret holds.

    Args:
        kind: `ConfigMap` or `Secret`.
        namespace: Where it is.
        name: Its name.
        data: What it holds, by key, decoded.
        binary: The keys that come from a ConfigMap's binaryData: files are made of them, variables are not.
    """

    kind: str
    namespace: str
    name: str
    data: Mapping[str, bytes]
    binary: frozenset[str] = frozenset()


Supplies: TypeAlias = Mapping[tuple[str, str, str], Supply]
"""By kind, namespace and name."""


class WrongSupply(Exception):
    """A ConfigMap or Secret that Kubernetes would not take.

    The message names the object, the field, the value and the remedy; of a Secret no value is shown.
    """


class Unavailable(Exception):
    """Something that a container needs before it can start is not there; it may come.

    Attributes:
        reason: Why the container waits, in one word, as a kubelet puts it.
    """

    reason = "CreateContainerConfigError"


def supply_of(other: Other) -> Supply:
    """What a manifest of a ConfigMap or a Secret holds.

    Raises:
        WrongSupply: Kubernetes would not take it.
    """
    version = other.body["apiVersion"]
    if version != CORE:
        kind = other.body["kind"]
        raise WrongSupply(f"{other}: apiVersion is {shown(version)}; for a {kind} it must be {CORE}")
    if not DNS_LABEL(other.namespace):
        raise WrongSupply(f"{other}: metadata.namespace is {shown(other.namespace)}; {LABEL}")
    found = supply(other.body)
    if not DNS_SUBDOMAIN(found.name):
        raise WrongSupply(f"{other}: metadata.name is {shown(found.name)}; {SUBDOMAIN}")
    return found


def supply(body: Body) -> Supply:
    """What a ConfigMap or a Secret holds.

    Args:
        body: The object; its kind is one of `KINDS`.

    Raises:
        WrongSupply: it cannot be read.
    """
    kind = body["kind"]
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace, name = metadata.get("namespace") or DEFAULT_NAMESPACE, metadata.get("name")
    subject = f"{kind} {namespace}/{named(name)}"
    if not isinstance(name, str) or not name:
        wrong = "missing; add it" if name is None else f"{shown(name)}; it must be text; put it in quotes"
        raise WrongSupply(f"{subject}: metadata.name is {wrong}")
    fields = (_PLAIN[kind], _ENCODED[kind])
    for field in body:
        if field not in (*fields, *_OTHER_FIELDS):
            raise WrongSupply(f"{subject}: {field} is unknown{did_you_mean(field, fields)}; remove it or correct it")
    plain = {
        key: _text(subject, kind, f"{_PLAIN[kind]}.{key}", value) for key, value in _items(subject, body, _PLAIN[kind])
    }
    encoded = {key: _decoded(subject, kind, key, value) for key, value in _items(subject, body, _ENCODED[kind])}
    if kind == SECRET:
        return Supply(kind, namespace, name, encoded | plain)
    for key in sorted(plain.keys() & encoded.keys()):
        raise WrongSupply(f"{subject}: {key} is in data and in binaryData; remove one")
    return Supply(kind, namespace, name, plain | encoded, frozenset(encoded))


def supplies(bodies: Iterable[Body]) -> Supplies:
    """What ConfigMaps and Secrets hold; one that cannot be read is as good as not there.

    Args:
        bodies: The objects.
    """
    known = {}
    for body in bodies:
        with suppress(WrongSupply):
            one = supply(body)
            known[one.kind, one.namespace, one.name] = one
    return known


def as_stored(one: Supply, body: Body) -> Body:
    """A ConfigMap or a Secret as the API keeps it, with every value in the one place where it belongs.

    Args:
        one: What it holds.
        body: The object, as it was written.
    """
    kept = {field: body[field] for field in ("apiVersion", "kind", "immutable", "type") if body.get(field) is not None}
    encoded = {key: b64encode(value).decode() for key, value in one.data.items()}
    if one.kind == SECRET:
        held: Body = {"data": encoded}
    else:
        plain = {key: value.decode(errors="replace") for key, value in one.data.items() if key not in one.binary}
        held = {"data": plain, "binaryData": {key: encoded[key] for key in sorted(one.binary)}}
    metadata = {**body["metadata"], "namespace": one.namespace}
    return {**kept, "metadata": metadata, **{field: values for field, values in held.items() if values}}


def found(supplies: Supplies, kind: str, namespace: str, reference: Body, name: str = "name") -> Supply | None:
    """The ConfigMap or Secret that a reference names; `None` if it is not there and need not be.

    Args:
        supplies: What there is.
        kind: Which of `KINDS`.
        namespace: The Pod's.
        reference: Names it, and says whether it is optional.
        name: The reference's field with the name.

    Raises:
        Unavailable: it is not there and must be.
    """
    wanted = supplies.get((kind, namespace, reference.get(name) or ""))
    if wanted is None and not reference.get("optional"):
        raise Unavailable(
            f'{kind.lower()} "{reference.get(name)}" not found in namespace {namespace}; add it to the files'
        )
    return wanted


def _items(subject: str, body: Body, field: str) -> list[tuple[str, Any]]:
    """A field's keys and values."""
    value = body.get(field)
    if value is None:
        return []
    if not isinstance(value, dict):
        is_what = "a list" if isinstance(value, list) else "no mapping"
        raise WrongSupply(f"{subject}: {field} is {is_what}; it must be a mapping of names to values")
    for key in value:
        if not _KEY.fullmatch(key):
            raise WrongSupply(
                f"{subject}: {field} has the key {shown(key)}; a key must be made of letters, digits, '-', '_' and "
                "'.', not begin with '..', and have 253 characters at most"
            )
    return list(value.items())


def _text(subject: str, kind: str, field: str, value: Any) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        is_what = "not text" if kind == SECRET else shown(value)
        raise WrongSupply(f"{subject}: {field} is {is_what}; it must be text: quote it")
    return value.encode("utf-8", "surrogatepass")


def _decoded(subject: str, kind: str, key: str, value: Any) -> bytes:
    field = f"{_ENCODED[kind]}.{key}"
    text = _text(subject, SECRET, field, value)
    try:
        return b64decode(text.replace(b"\r", b"").replace(b"\n", b""), validate=True)
    except ValueError as error:
        remedy = f"encode it, or put it under {_PLAIN[kind]} as it is"
        raise WrongSupply(f"{subject}: {field} is not base64; {remedy}") from error
