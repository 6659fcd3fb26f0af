"""A place for passes: an API in memory in which something happens with each request, and time that stands still."""

from collections.abc import Callable
from dataclasses import dataclass, field

from models.kinds import Key, Kind
from models.snapshot import Owner
from reconciler.memory import MemoryAPI
from reconciler.passes.values import Verb
from reconciler.wire.protocol import Body, Reply, Subresource
from tests.builders import manifest
from tests.simulation.clock import Clock
from tests.simulation.world import schemas


@dataclass
class Place:
    """An API that may be slow or refuse.

    Args:
        happens: What happens at a request, before it is carried out; `None` stands for a list. It may raise.
        checked: Whether objects are held against their definitions.
        admitted: What an admission webhook makes of an object that is created.
    """

    happens: Callable[[Verb | None], None] = lambda _: None
    checked: bool = True
    admitted: Callable[[Body], Body] = lambda body: body
    clock: Clock = field(default_factory=Clock)
    writes: list[tuple[Verb, Key]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = MemoryAPI(self.clock, schemas=schemas() if self.checked else None)

    def add(self, *resources: Owner) -> None:
        """A user creates them."""
        for resource in resources:
            self.api.create(resource.kind(), manifest(resource))

    def made(self, verb: Verb, kind: Kind) -> list[str]:
        """The names of what was written so, whatever came of it."""
        return [key.name for written, key in self.writes if (written, key.kind) == (verb, kind)]

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        self.happens(None)
        return self.api.list(kind, namespace, labels=labels, fields=fields)

    def create(self, kind: Kind, body: Body) -> Reply:
        self._note(Verb.CREATE, Key(kind, body["metadata"]["namespace"], body["metadata"].get("name", "")))
        return self.api.create(kind, self.admitted(body))

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        self._note(Verb.RECORD if subresource or "resourceVersion" in body["metadata"] else Verb.UPDATE, key)
        return self.api.patch(key, body, subresource)

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        self._note(Verb.REPORT, key)
        return self.api.apply(key, body, subresource)

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        self._note(Verb.DELETE, key)
        return self.api.delete(key, uid, resource_version)

    def _note(self, verb: Verb, key: Key) -> None:
        self.writes.append((verb, key))
        self.happens(verb)
