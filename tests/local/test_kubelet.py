"""The kubelet's steps: what is begun and ended in them, and what is left alone."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.kinds import POD, Key
from reconciler.local.containers.processes import Program
from reconciler.local.pods.probing import MOST_AT_ONCE
from reconciler.rules.labels import COMPONENT, Component
from reconciler.wire.protocol import Body
from tests.local.kubelets import TICK, Place, kubelet, probed
from tests.local.place import PATH, is_alive, pid_of
from tests.local.smallpods import SLEEPER, container, pod, python

ENDLESS = 'echo $$ >> "{file}"; exec sleep 600'
"""A probe that writes down its process and never answers."""

SECOND = timedelta(seconds=1)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with kubelet(tmp_path) as place:
        yield place


def begun(file: Path) -> list[int]:
    """The processes that have written themselves down."""
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def next_number(place: Place) -> int:
    """The number of a process that is begun now; it tells how many were begun before."""
    return place.processes.begin(Program(("true",), {"PATH": PATH}, Path("/"), Path(os.devnull)))


def kill_its_container(place: Place, key: Key) -> None:
    del key
    os.kill(pid_of(place.processes, 1), signal.SIGKILL)


def delete(place: Place, key: Key) -> None:
    pod = place.api.get(key)
    assert pod is not None
    place.api.delete(key, pod["metadata"]["uid"])


def remove(place: Place, key: Key) -> None:
    place.api.remove(key)


@pytest.mark.parametrize("end", [kill_its_container, delete, remove])
def test_a_probes_command_ends_with_its_container(
    place: Place, tmp_path: Path, end: Callable[[Place, Key], None]
) -> None:
    """However a container ends, nothing that was begun beside it goes on, and its time does not have to be over."""
    file = tmp_path / "probes"
    key = place.create("p", probed("readiness", ENDLESS.format(file=file), timeoutSeconds=600), restartPolicy="Never")
    place.until(lambda: bool(begun(file)), "the probe")
    end(place, key)
    place.until(lambda: place.running() == 0, "the end of all processes")
    assert not any(map(is_alive, begun(file)))


def test_a_probes_command_that_takes_too_long_is_killed_and_has_failed(place: Place, tmp_path: Path) -> None:
    """It has its timeout to the tick; then the attempt counts as failed, and what it would have said is not heard."""
    file = tmp_path / "probes"
    script = f"trap '' TERM; echo $$ >> '{file}'; while :; do sleep 0.05; done"
    fields = {"timeoutSeconds": 3, "failureThreshold": 1, "periodSeconds": 60}
    key = place.create("p", probed("liveness", script, **fields), restartPolicy="Never")
    place.until(lambda: bool(begun(file)), "the probe")
    place.step(3 * SECOND - TICK)
    [probe] = begun(file)
    assert is_alive(probe)
    place.until(lambda: place.status(key)["phase"] == "Failed", "the end", after=TICK)
    ended = place.status(key)["containerStatuses"][0]["state"]["terminated"]
    assert ended["message"] == "Container main failed its liveness probe: the command did not end within 3 s"
    assert not is_alive(probe)


def test_few_of_many_probes_are_begun_at_once(place: Place) -> None:
    """However many are due in one step, it begins few, the others follow, and in the end all have been answered."""
    keys = [place.create(f"p{number}", probed("readiness", "exit 0")) for number in range(3 * MOST_AT_ONCE)]
    place.step()
    assert place.running() == len(keys)
    before = next_number(place)
    for step in range(1, 4):
        place.step()
        assert next_number(place) - before == step * (MOST_AT_ONCE + 1)
    place.until(lambda: all(map(place.is_ready, keys)), "that all are ready")
    place.until(lambda: place.running() == len(keys), "that nothing is left of what was answered")


def test_what_a_runner_came_to_is_that_of_the_pod_that_has_its_name_now(place: Place) -> None:
    """A job that is made again under its name has not failed yet."""
    key = Key(POD, "default", "work-runner")
    for code in (3, None):
        body = pod(key.name, SLEEPER if code is None else python(f"raise SystemExit({code})"), restartPolicy="Never")
        labels = {COMPONENT: Component.JOB_RUNNER.value}
        place.api.create(POD, {**body, "metadata": {"name": key.name, "namespace": "default", "labels": labels}})
        place.until(lambda: place.kubelet.exit_codes.get(key) == code, "its end", after=TICK)  # noqa: B023
        place.until(lambda: place.status(key)["phase"] in {"Failed", "Running"}, "its phase")
        place.api.remove(key)


def test_what_has_ended_is_forgotten(place: Place) -> None:
    """A container that is probed for weeks leaves no more behind than one that was begun just now."""
    key = place.create("p", probed("readiness", "exit 0", periodSeconds=1))
    place.until(lambda: place.is_ready(key), "that it is ready")
    for _ in range(20):
        place.step(SECOND)
        place.until(lambda: place.running() == 1, "the end of a probe")


@pytest.mark.parametrize(
    "odd",
    [
        {**SLEEPER, "readinessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": "often"}},
        {**SLEEPER, "readinessProbe": {"tcpSocket": {"port": 1}, "failureThreshold": "few"}},
        {**SLEEPER, "readinessProbe": {"exec": {"command": [5]}}},
        {**SLEEPER, "command": [5]},
        {**SLEEPER, "resources": {"limits": 5}},
    ],
    ids=["taken in", "an answer", "a probe", "a command", "limits"],
)
def test_a_pod_that_brings_a_bug_to_light_fails_alone(place: Place, odd: Body) -> None:
    """Wherever in a step it does so, it fails with the reason, what it ran ends, and the others go on."""
    keys = [place.create("before", SLEEPER), place.create("odd", odd), place.create("later", SLEEPER)]
    place.until(lambda: place.status(keys[1])["phase"] == "Failed", "its failure", after=TICK)
    status = place.status(keys[1])
    assert status["reason"] == "InternalError"
    assert "dask-reconciler met an error of its own with this Pod" in status["message"]
    place.until(lambda: place.running() == 2, "the end of what it ran")
    assert [place.status(key)["phase"] for key in (keys[0], keys[2])] == ["Running"] * 2
    delete(place, keys[1])
    place.until(lambda: place.api.get(keys[1]) is None, "that it is gone")


def test_steps_in_which_nothing_happens_cost_nothing(place: Place) -> None:
    """Pods are looked at when one of them has changed or has something to do, and not otherwise."""
    lacking: dict[str, Any] = {"envFrom": [{"configMapRef": {"name": "missing"}}]}
    keys = [place.create(f"p{number}", container("true", **lacking)) for number in range(100)]
    for _ in range(3):
        place.step()

    def cost(*, changing: bool) -> float:
        begun = time.process_time()
        for number in range(20):
            if changing:
                place.api.edit(keys[0], {"metadata": {"annotations": {"number": str(number)}}})
            place.step()
        return time.process_time() - begun

    cost(changing=True)
    assert cost(changing=False) < cost(changing=True) / 4


def test_a_container_that_keeps_ending_is_started_again_to_the_tick(place: Place) -> None:
    """Ten seconds after its second end it is started again, neither a tick before nor a tick later."""
    key = place.create("p", container("sh", "-c", "exit 1"))

    def restarts() -> int:
        return int(place.status(key)["containerStatuses"][0]["restartCount"])

    def is_waiting() -> bool:
        return "waiting" in place.status(key)["containerStatuses"][0]["state"]

    place.until(lambda: restarts() == 1 and is_waiting(), "its second end")
    place.step(10 * SECOND - TICK)
    assert (restarts(), is_waiting()) == (1, True)
    place.step(TICK)
    assert restarts() == 2
