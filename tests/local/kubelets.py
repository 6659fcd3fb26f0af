"""A kubelet whose clock a test moves, with real processes."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.kinds import POD, Key
from reconciler.local.containers.logs import Logs
from reconciler.local.containers.preparation import Surroundings
from reconciler.local.containers.processes import Processes
from reconciler.local.network.addresses import Network
from reconciler.local.pods.kubelet import Kubelet
from reconciler.memory import MemoryAPI
from reconciler.wire.protocol import Body
from tests.builders import NOON
from tests.local.smallpods import SLEEPER, pod
from tests.realcluster.eventually import eventually

TICK = timedelta(milliseconds=50)


@dataclass(slots=True)
class Time:
    """What the clocks show."""

    now: datetime = NOON


@dataclass(slots=True)
class Place:
    """A kubelet and what is around it; its API knows no schemas, so that a Pod may be as odd as it likes.

    Args:
        api: Where the Pods are.
        processes: Their processes.
        kubelet: The kubelet.
        time: The time, which goes on only when a test says so.
    """

    api: MemoryAPI
    processes: Processes
    kubelet: Kubelet
    time: Time = field(default_factory=Time)

    def step(self, after: timedelta = timedelta()) -> None:
        """A step of the kubelet, some time later."""
        self.time.now += after
        self.kubelet.step(self.time.now, Surroundings())

    def create(self, name: str, *containers: Body, **spec: object) -> Key:
        """A Pod."""
        self.api.create(POD, {**pod(name, *containers, **spec), **_placed(name)})
        return Key(POD, "default", name)

    def status(self, key: Key) -> Body:
        """A Pod's status; it must be there."""
        found = self.api.get(key)
        assert found is not None, f"{key} is gone"
        status: Body = found["status"]
        return status

    def is_ready(self, key: Key) -> bool:
        """Whether a Pod is ready."""
        return any(one["type"] == "Ready" and one["status"] == "True" for one in self.status(key)["conditions"])

    def until(self, condition: Callable[[], bool], what: str, after: timedelta = timedelta()) -> None:
        """Step, with so much time between, until something holds that processes bring about."""

        def holds() -> bool:
            self.step(after)
            return condition()

        eventually(holds, what)

    def running(self) -> int:
        """How many processes run that were begun here, as far as the steps have noticed."""
        return len(self.processes._running)


@contextmanager
def kubelet(folder: Path) -> Iterator[Place]:
    """A kubelet in a folder; all its processes end with it."""
    run = folder / "run"
    run.mkdir()
    time = Time()
    api = MemoryAPI(lambda: time.now)
    with closing(Network(run)) as network, Processes(run) as processes:
        yield Place(api, processes, Kubelet(api, processes, network, Logs(), has_gpu=False), time)


def probed(probe: str, script: str, **fields: Any) -> Body:
    """A container that sleeps, and a probe that runs a shell's script."""
    command = {"command": ["sh", "-c", script]}
    return {**SLEEPER, f"{probe}Probe": {"exec": command, **fields}}


def _placed(name: str) -> Body:
    return {"metadata": {"name": name, "namespace": "default", "labels": {"app": name}}}
