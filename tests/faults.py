"""An API that fails now and then, by a plan: before a write takes effect, or after it."""

from collections.abc import Iterable
from enum import Enum
from threading import Lock

from hypothesis import strategies as st

from models.kinds import Key, Kind
from reconciler.wire.errors import (
    ApiError,
    Conflict,
    Forbidden,
    ServerError,
    TooManyRequests,
    Unavailable,
    UnknownOutcome,
    Unreachable,
)
from reconciler.wire.protocol import API, Body, Reply, Subresource


class Fault(Enum):
    """What goes wrong with a request."""

    UNREACHABLE = "no connection; nothing is written"
    THROTTLED = "429; nothing is written"
    BROKEN = "503; nothing is written"
    CONFLICT = "409; nothing is written. A create or a list is spared"
    FORBIDDEN = "403, such as a quota; nothing is written"
    LOST_REQUEST = "silence; nothing is written, but who could tell"
    LOST_ANSWER = "silence; it is written, but who could tell"


SILENT = (Fault.LOST_REQUEST, Fault.LOST_ANSWER)
ERRORS: dict[Fault, ApiError] = {
    Fault.UNREACHABLE: Unreachable("a fault: connection refused"),
    Fault.THROTTLED: TooManyRequests("a fault: too many requests", status=429, retry_after_seconds=1),
    Fault.BROKEN: ServerError("a fault: etcd has no leader", status=503),
    Fault.CONFLICT: Conflict("a fault: the object has been modified", status=409),
    Fault.FORBIDDEN: Forbidden("a fault: exceeded quota", status=403),
    Fault.LOST_REQUEST: UnknownOutcome("a fault: silence"),
    Fault.LOST_ANSWER: UnknownOutcome("a fault: silence"),
}


def plans(max_size: int = 20) -> st.SearchStrategy[list[Fault | None]]:
    """Plans of what goes wrong with which request, shrinking to none."""
    return st.lists(st.sampled_from([None, *Fault]), max_size=max_size)


class Faulty:
    """The API protocol, with faults.

    Args:
        api: Carries out what gets through.
        plan: The fault of each request, in order, or `None`; once it is used up nothing goes wrong any more.

    Attributes:
        struck: What went wrong so far, for messages.
    """

    def __init__(self, api: API, plan: Iterable[Fault | None]) -> None:
        self.struck: list[str] = []
        self._api = api
        self._plan = iter(plan)
        self._lock = Lock()

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        """The objects of a kind, unless a fault strikes."""
        fault = self._next(f"list {kind}", spared=(Fault.CONFLICT,))
        if fault in SILENT:
            raise Unavailable("a fault: silence")
        self._fail(fault)
        return self._api.list(kind, namespace, labels=labels, fields=fields)

    def create(self, kind: Kind, body: Body) -> Reply:
        """Create an object, unless a fault strikes."""
        fault = self._next(f"create {kind} {body['metadata'].get('name')}", spared=(Fault.CONFLICT,))
        self._fail_before(fault)
        reply = self._api.create(kind, body)
        self._fail(fault)
        return reply

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Change an object, unless a fault strikes."""
        fault = self._next(f"patch {key}")
        self._fail_before(fault)
        reply = self._api.patch(key, body, subresource)
        self._fail(fault)
        return reply

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Apply fields, unless a fault strikes."""
        fault = self._next(f"apply {key}")
        self._fail_before(fault)
        reply = self._api.apply(key, body, subresource)
        self._fail(fault)
        return reply

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        """Delete an object, unless a fault strikes."""
        fault = self._next(f"delete {key}")
        self._fail_before(fault)
        reply = self._api.delete(key, uid, resource_version)
        self._fail(fault)
        return reply

    def _next(self, request: str, spared: tuple[Fault, ...] = ()) -> Fault | None:
        with self._lock:
            fault = next(self._plan, None)
            if fault is None or fault in spared:
                return None
            self.struck.append(f"{request}: {fault.name}")
            return fault

    def _fail_before(self, fault: Fault | None) -> None:
        if fault is not Fault.LOST_ANSWER:
            self._fail(fault)

    @staticmethod
    def _fail(fault: Fault | None) -> None:
        if fault is not None:
            known = ERRORS[fault]
            raise type(known)(known.message, status=known.status, retry_after_seconds=known.retry_after_seconds)
