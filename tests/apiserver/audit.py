"""What an API server's audit log says about who wrote what."""

import json
from dataclasses import dataclass
from pathlib import Path

DAEMON = "system:serviceaccount:dask-reconciler:dask-reconciler"
WRITING = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True)
class Write:
    """One request that changed something, or would have.

    Attributes:
        verb: such as `create`.
        resource: such as `pods` or `daskclusters/status`.
        name: of the object.
        code: the HTTP status that it was answered with.
    """

    verb: str
    resource: str
    name: str
    code: int

    @property
    def done(self) -> bool:
        return self.code < 300


@dataclass(frozen=True)
class Audit:
    """An audit log, from some moment on.

    Attributes:
        log: one JSON line for each request; it is there by the time the request is answered.
        since: how much of it was there at that moment.
    """

    log: Path
    since: int = 0

    def from_now(self) -> "Audit":
        return Audit(self.log, self.log.stat().st_size)

    def writes(self, namespace: str, user: str = DAEMON) -> list[Write]:
        """What a user wrote in a namespace, in the order of the answers."""
        with self.log.open("rb") as file:
            file.seek(self.since)
            lines = file.read().splitlines()
        # The last line may be half written.
        events = [json.loads(line) for line in lines if namespace.encode() in line and line.endswith(b"}")]
        return [_write(event) for event in events if _counts(event, namespace, user)]


def _counts(event: dict[str, object], namespace: str, user: str) -> bool:
    whose, what = event["user"], event.get("objectRef")
    assert isinstance(whose, dict)
    return (
        isinstance(what, dict)
        and what.get("namespace") == namespace
        and whose["username"] == user
        and event["verb"] in WRITING
    )


def _write(event: dict[str, object]) -> Write:
    what, answer = event["objectRef"], event["responseStatus"]
    assert isinstance(what, dict)
    assert isinstance(answer, dict)
    resource = "/".join(part for part in (what["resource"], what.get("subresource")) if part)
    return Write(str(event["verb"]), resource, what.get("name", ""), answer["code"])
