"""The way from the reconciler to the API: it takes time, others act on it, and not everything gets through.

    each request ──► takes time ──► what is due happens ──► touched first? ──► refused? ──► the API ──► answer, or none

Everything is switched on from outside and stays until `clear`, but for what happens once.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn, TypeVar

from models.kinds import EVENT, Key, Kind
from reconciler.memory import MemoryAPI
from reconciler.wire.errors import ApiError, Forbidden, Invalid, ServerError, Unavailable
from reconciler.wire.protocol import API, Body, Reply, Subresource
from tests.faults import ERRORS, SILENT, Fault
from tests.simulation.clock import Clock
from tests.simulation.journal import Journal
from tests.simulation.requests import Request, of_change, of_create, tree_of

Answer = TypeVar("Answer")

MOST_REQUESTS = 3000
"""More than any call of the loop can need: worlds are small."""
TOUCHED = "kubectl.kubernetes.io/touched"
"""An annotation that does not flow down."""


class Killed(BaseException):
    """The process is gone, as after SIGKILL: nothing catches this."""


class Death(Enum):
    """When the process dies."""

    BEFORE = "before the request is carried out"
    AFTER = "after it was carried out"


REFUSALS: tuple[ApiError, ...] = (
    Forbidden("a refusal: exceeded quota", status=403),
    Invalid("a refusal: spec is wrong", status=422),
    ServerError("a refusal: a webhook does not answer", status=503),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is refused for as long as it stands.

    Args:
        error: With what.
        verbs: Which verbs; empty for every write.
        kinds: Of which kinds; empty for all.
        tree: Of which tree; `None` for all.
        name: Of which object; empty for all.
    """

    error: ApiError
    verbs: Collection[str] = ()
    kinds: Collection[Kind] = ()
    tree: Key | None = None
    name: str = ""

    def is_of(self, request: Request, api: MemoryAPI) -> bool:
        """Whether the request is refused."""
        if request.verb == "list" or request.kind == EVENT:
            return False
        return (
            (not self.verbs or request.verb in self.verbs)
            and (not self.kinds or request.kind in self.kinds)
            and self.name in ("", request.name)
            and self.tree in (None, tree_of(api, request))
        )


class Way:
    """The API protocol, with everything that may be on the way.

    Args:
        api: Carries out what gets through.
        world: Where one sees and touches what is there.
        clock: The time, which each request takes some of.
        journal: Where every write and every failure is noted.

    Attributes:
        is_dead: Whether the process was killed; then no request leaves it any more.
        breach: The first rule that was broken, which the reconciler may have taken for an error of the request.
        is_marred: Whether anything went wrong or happened in the pass under way.
        seconds: How long each request takes.
        refusals: What is refused.
        starved: Objects that someone else changes just before each guarded write to them.
        unlisted: Namespaces that cannot be listed.
        shortened: Kinds of whose lists one in so many items is missing.
    """

    def __init__(self, api: API, world: MemoryAPI, clock: Clock, journal: Journal) -> None:
        self._api, self._world, self._clock, self._journal = api, world, clock, journal
        self._due: list[tuple[int, Callable[[], None]]] = []
        self._once: Fault | Death | None = None
        self.is_dead = False
        self.is_marred = False
        self.breach: AssertionError | None = None
        self._requests = 0
        self.seconds = 0.0
        self.clear()

    def clear(self) -> None:
        """From now on everything gets through."""
        self._once = None
        self.refusals: list[Refusal] = []
        self.starved: set[Key] = set()
        self.unlisted: set[str] = set()
        self.shortened: dict[Kind, int] = {}

    @property
    def is_clear(self) -> bool:
        """Whether everything gets through."""
        stands = self.refusals or self.starved or self.unlisted or self.shortened
        return not stands and self._once is None and not self._due

    def before_request(self, number: int, happens: Callable[[], None]) -> None:
        """Let something happen before so many requests from now."""
        self._due.append((number, happens))

    def strike(self, fault: Fault | Death) -> None:
        """The request in hand, or the next one, goes wrong."""
        self._once = fault

    def begin(self) -> None:
        """Whatever comes belongs to a new pass."""
        self.is_marred = False
        self._requests = 0

    def revive(self) -> None:
        """A new process starts."""
        self.is_dead = False

    def flush(self) -> None:
        """Let happen now what was due at requests that were never made."""
        self.is_marred = self.is_marred or bool(self._due)
        while self._due:
            self._due.pop(0)[1]()

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        """The objects of a kind."""
        request = Request("list", kind, namespace)
        answer = self._carry_out(request, lambda: self._api.list(kind, namespace, labels=labels, fields=fields))
        every = self.shortened.get(kind, 0)
        if not every or fields:
            return answer
        self.is_marred = True
        return _without_each(answer, every)

    def create(self, kind: Kind, body: Body) -> Reply:
        """Create an object."""
        return self._carry_out(of_create(kind, body), lambda: self._api.create(kind, body))

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Change an object."""
        request = of_change("patch", key, body, subresource)
        return self._carry_out(request, lambda: self._api.patch(key, body, subresource))

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        """Apply fields."""
        request = of_change("apply", key, body, subresource)
        return self._carry_out(request, lambda: self._api.apply(key, body, subresource))

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        """Delete an object."""
        return self._carry_out(of_change("delete", key), lambda: self._api.delete(key, uid, resource_version))

    def _carry_out(self, request: Request, call: Callable[[], Answer]) -> Answer:
        if self.is_dead:
            raise Killed
        self._clock.advance(self.seconds)
        self._count()
        self._let_happen()
        once, self._once = self._once, None
        self.is_marred = self.is_marred or once is not None
        try:
            if once is Death.BEFORE:
                self._die()
            self._hinder(request)
            answer = _answered(request, call, once if isinstance(once, Fault) else None)
            if once is Death.AFTER:
                self._die()
        except AssertionError as error:
            self._end(error)
        except (ApiError, Killed) as error:
            self._journal.note("reconciler", f"{request}: {type(error).__name__} {error}".rstrip())
            raise
        if request.verb != "list":
            self._journal.note("reconciler", str(request))
        return answer

    def _count(self) -> None:
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            self._end(AssertionError(f"more than {MOST_REQUESTS} requests, and no end"))

    def _end(self, breach: AssertionError) -> NoReturn:
        """Nothing that happens after a rule was broken matters any more."""
        self.breach = self.breach or breach
        self.is_dead = True
        raise Killed

    def _let_happen(self) -> None:
        self._due = [(left - 1, happens) for left, happens in self._due]
        now = [happens for left, happens in self._due if left <= 0]
        self._due = [(left, happens) for left, happens in self._due if left > 0]
        self.is_marred = self.is_marred or bool(now)
        for happens in now:
            happens()

    def _hinder(self, request: Request) -> None:
        if request.verb == "list" and request.namespace in self.unlisted:
            self.is_marred = True
            raise _again(Forbidden("a refusal: a list is forbidden", status=403))
        for refusal in self.refusals:
            if refusal.is_of(request, self._world):
                self.is_marred = True
                raise _again(refusal.error)
        key = Key(request.kind, request.namespace or "", request.name)
        if request.is_guarded and key in self.starved and self._world.get(key) is not None:
            self.is_marred = True
            self._world.edit(key, _touch)

    def _die(self) -> None:
        self.is_dead = True
        raise Killed


def _answered(request: Request, call: Callable[[], Answer], fault: Fault | None) -> Answer:
    """The answer, unless a fault keeps the request or the answer from arriving."""
    if fault is Fault.CONFLICT and request.verb in ("list", "create"):
        fault = None
    if fault in SILENT and request.verb == "list":
        raise Unavailable("a fault: silence")
    if fault is not None and fault is not Fault.LOST_ANSWER:
        raise _again(ERRORS[fault])
    answer = call()
    if fault is not None:
        raise _again(ERRORS[fault])
    return answer


def _again(error: ApiError) -> ApiError:
    return type(error)(error.message, status=error.status, retry_after_seconds=error.retry_after_seconds)


def _touch(body: Body) -> None:
    """Change an annotation that is none of the reconciler's business."""
    marks = body["metadata"].setdefault("annotations", {})
    marks[TOUCHED] = str(int(marks.get(TOUCHED, "0")) + 1)


def _without_each(payload: bytes, every: int) -> bytes:
    """The list without one in so many of its items, the first one always."""
    listed = json.loads(payload)
    listed["items"] = [item for number, item in enumerate(listed["items"]) if number % every]
    return json.dumps(listed).encode()
