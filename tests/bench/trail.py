"""When each write arrived, as the API server's audit log tells it: to the microsecond, and without asking anyone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.realcluster.pki import USERS

_WRITES = (b'"verb":"create"', b'"verb":"patch"')


@dataclass(frozen=True, slots=True)
class Write:
    """A write that succeeded.

    Attributes:
        verb: `create` or `patch`.
        resource: such as `pods` or `pods/status`.
        namespace: of the object.
        name: of the object.
        user: who wrote.
        at: when the server had answered, in seconds since the epoch.
    """

    verb: str
    resource: str
    namespace: str
    name: str
    user: str
    at: float


class Trail:
    """The writes so far, in the order of their answers.

    Args:
        path: the audit log.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""
        self._writes: list[Write] = []

    def close(self) -> None:
        """Close the log."""
        self._file.close()

    def writes(self) -> list[Write]:
        """All writes up to now."""
        lines = (self._rest + self._file.read()).split(b"\n")
        self._rest = lines.pop()
        self._writes += [write for line in lines for write in _read(line)]
        return self._writes

    def started_pods(self, namespace: str) -> dict[str, float]:
        """When each Pod of a namespace became Running: kwok's first write to its status."""
        started: dict[str, float] = {}
        for write in self.writes():
            if (write.resource, write.namespace, write.user) == ("pods/status", namespace, USERS["kwok"].name):
                started.setdefault(write.name, write.at)
        return started

    def created_pods(self, namespace: str) -> dict[str, float]:
        """When each Pod of a namespace was created."""
        made = ("create", "pods", namespace)
        return {
            write.name: write.at for write in self.writes() if (write.verb, write.resource, write.namespace) == made
        }


def _read(line: bytes) -> Iterator[Write]:
    if not any(verb in line for verb in _WRITES):
        return
    event = json.loads(line)
    place = event.get("objectRef", {})
    if event.get("responseStatus", {}).get("code", 0) >= 300 or "name" not in place:
        return
    yield Write(
        event["verb"],
        "/".join(filter(None, (place["resource"], place.get("subresource")))),
        place.get("namespace", ""),
        place["name"],
        event["user"]["username"],
        datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
    )
