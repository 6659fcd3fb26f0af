"""What sets the kinds apart: defaults, first status, what may change, generation, grace."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from models.base import wire_time
from models.kinds import GROUP, POD, SECRET, SERVICE, Kind
from reconciler.memory import pods, services
from reconciler.memory.document import replaced
from reconciler.memory.refusals import bad_request
from reconciler.wire.protocol import Body, Subresource

LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # of generated names: no vowels, no words
LOWEST_NODE_PORT, NODE_PORTS = 30000, 2768
SHOWN_AT_THE_END = (POD, SERVICE)  # kinds whose delete is answered with the object
SUFFIX_LENGTH, LONGEST_PREFIX = 5, 58


@dataclass(slots=True)
class Supply:
    """Whatever the server makes up, in a fixed order: uids, name suffixes, addresses, ports."""

    _counter: Iterator[int] = field(default_factory=lambda: count(1))

    def uid(self) -> str:
        """A uid that no other object has or had."""
        return f"00000000-0000-4000-8000-{next(self._counter):012x}"

    def name(self, prefix: str) -> str:
        """A name that begins with a prefix."""
        number, suffix = next(self._counter), ""
        for _ in range(SUFFIX_LENGTH):
            number, place = divmod(number, len(LETTERS))
            suffix += LETTERS[place]
        return prefix[:LONGEST_PREFIX] + suffix

    def address(self) -> str:
        """A cluster IP."""
        high, low = divmod(next(self._counter), 256)
        return f"10.{96 + high // 256 % 16}.{high % 256}.{low}"

    def node_port(self) -> int:
        """A node port."""
        return LOWEST_NODE_PORT + next(self._counter) % NODE_PORTS


def has_status(kind: Kind) -> bool:
    """Whether the kind has a status subresource."""
    return kind.group == GROUP or kind in (POD, SERVICE)


def created(kind: Kind, body: Body, supply: Supply, now: datetime) -> Body:
    """A new object with its defaults and its first status.

    Raises:
        Invalid: the object is wrong.
    """
    if kind == POD:
        return pods.created(body, wire_time(now))
    if kind == SERVICE:
        return services.created(body, services.Pool(supply.address, supply.node_port))
    if kind == SECRET:
        return {"type": "Opaque", **_encoded(body)}
    return replaced(body, "status", None) if has_status(kind) else body


def updated(kind: Kind, old: Body, new: Body, subresource: Subresource | None, supply: Supply) -> Body:
    """A changed object: a request for the status changes only that, any other all but that.

    Raises:
        Invalid: the object is wrong, or something changed that may not.
    """
    if subresource == "status":
        changed = replaced(old, "status", new.get("status"))
        return changed if kind.group else {**changed, "metadata": _metadata_by_status(kind, old, new)}
    if has_status(kind):
        new = replaced(new, "status", old.get("status"))
    if kind == POD:
        return pods.updated(old, new)
    if kind == SERVICE:
        return services.updated(old, new, services.Pool(supply.address, supply.node_port))
    return _encoded(new) if kind == SECRET else new


def generation(kind: Kind, old: Body, new: Body) -> int | None:
    """The generation of a changed object, if its kind has one."""
    before: int | None = old["metadata"].get("generation")
    if before is None or first_generation(kind) is None:
        return before
    names = ("spec",) if kind == POD else (old.keys() | new.keys()) - {"metadata", "status"}
    return before + any(old.get(name) != new.get(name) for name in names)


def first_generation(kind: Kind) -> int | None:
    """The generation of a new object, if its kind has one."""
    return 1 if kind.group == GROUP or kind == POD else None


def grace_seconds(kind: Kind, body: Body) -> int:
    """How long an object of the kind keeps existing after it was asked to go."""
    return pods.grace_seconds(body) if kind == POD else 0


def _encoded(secret: Body) -> Body:
    """A Secret whose plain values are among the encoded ones, as it is stored."""
    plain = secret.get("stringData") or {}
    if not all(isinstance(value, str) for value in plain.values()):
        raise bad_request('Secret in version "v1" cannot be handled as a Secret: stringData holds what is no text')
    encoded = {key: b64encode(value.encode()).decode() for key, value in plain.items()}
    data = {**(secret.get("data") or {}), **encoded}
    return replaced(replaced(secret, "stringData", None), "data", data or None)


def _metadata_by_status(kind: Kind, old: Body, new: Body) -> Body:
    """The metadata after a status request to a built-in kind, which may label and annotate."""
    metadata: Body = new["metadata"]
    if kind == POD:
        metadata = replaced(metadata, "ownerReferences", old["metadata"].get("ownerReferences"))
    return metadata
