"""A Pod's life, played: a test says what its processes do and when."""

from datetime import timedelta
from typing import Any

from reconciler.local.pods.life import Check, Command, PodLife, Probe, Start
from reconciler.wire.protocol import Body
from tests.builders import NOON

ADDRESS = "127.101.0.2"
PROBE: Body = {"tcpSocket": {"port": 8786}}


def container(name: str = "main", /, **fields: Any) -> Body:
    return {"name": name, "image": "dask:1", **fields}


def sidecar(name: str, **fields: Any) -> Body:
    return container(name, restartPolicy="Always", **fields)


def pod(*containers: Body, **spec: Any) -> Body:
    meta = {"name": "p", "namespace": "default", "uid": "u"}
    return {"metadata": meta, "spec": {"containers": list(containers) or [container()], **spec}}


class Node:
    """A Pod and who runs its processes; each start succeeds unless a test says otherwise."""

    def __init__(self, body: Body) -> None:
        self.now = NOON
        self.life = PodLife(body, NOON)

    def due(self, after: float = 0) -> tuple[Command, ...]:
        """What is to be done, some seconds later."""
        self.now += timedelta(seconds=after)
        commands = self.life.due(self.now)
        assert self.life.due(self.now) == ()
        return commands

    def run(self, after: float = 0) -> tuple[Command, ...]:
        """The same, and what is to be started runs."""
        commands = self.due(after)
        for command in commands:
            if isinstance(command, Start):
                self.life.started(command.container, self.now)
        return commands

    def end(self, code: int, name: str = "main", after: float = 0) -> None:
        self.now += timedelta(seconds=after)
        self.life.ended(name, code, self.now)

    def answer(self, check: Command, *, passed: bool, message: str = "") -> None:
        assert isinstance(check, Check)
        self.life.checked(check, passed, message, self.now)

    def attempts(self, seconds: int, *passed: bool) -> list[int]:
        """The seconds, from now, at which probes are attempted; each is answered at once, the last answer repeated."""
        at: list[int] = []
        for second in range(seconds + 1):
            for command in self.due(1 if second else 0):
                self.answer(command, passed=passed[min(len(at), len(passed) - 1)])
                at.append(second)
        return at

    def is_over(self) -> bool:
        return self.life.is_over

    @property
    def status(self) -> Body:
        return self.life.status(self.now, address=ADDRESS)

    @property
    def phase(self) -> str:
        return str(self.status["phase"])

    def container(self, name: str = "main") -> Body:
        statuses = [*self.status.get("initContainerStatuses", ()), *self.status["containerStatuses"]]
        found: Body = next(one for one in statuses if one["name"] == name)
        return found

    def condition(self, kind: str) -> str:
        return next(str(one["status"]) for one in self.status["conditions"] if one["type"] == kind)

    @property
    def is_ready(self) -> bool:
        return self.condition("Ready") == "True"


def running(*containers: Body, **spec: Any) -> Node:
    node = Node(pod(*containers, **spec))
    node.run()
    return node


def probed(probe: Probe, /, **fields: Any) -> Body:
    return container(**{f"{probe}Probe": {**PROBE, **fields}})
