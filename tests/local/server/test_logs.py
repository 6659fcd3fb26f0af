"""Containers' logs, as they come over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from models.kinds import POD, Key
from reconciler.memory import MemoryAPI
from tests.local.server.asking import CORE, Asking
from tests.local.server.conftest import Machine
from tests.manifests import manifest

LOG = f"{CORE}/pods/p/log"
P = Key(POD, "default", "p")
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
ENDED = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}}


@pytest.fixture
def log(api: MemoryAPI, machine: Machine) -> Path:
    """The log of the Pod `p`, whose only container runs."""
    body = manifest(POD, "p", {"containers": [{"name": "main", "image": "x"}]})
    api.create(POD, {**body, "metadata": {"name": "p", "namespace": "default"}})
    becomes(api, RUNNING)
    return machine.log(api.get(P) or {}, "main", 0)


def becomes(api: MemoryAPI, state: dict[str, Any], restarts: int = 0, last: dict[str, Any] | None = None) -> None:
    """Let the container be in a state."""
    status = {"name": "main", "restartCount": restarts, "state": state, "lastState": last or {}}
    api.set_status(P, {"phase": "Running", "containerStatuses": [status]})


def test_a_log_is_read_whole_or_in_part(ask: Asking, log: Path) -> None:
    """All of it, its last lines, its first bytes; an unfinished line too."""
    assert ask.done("GET", LOG) == ""
    log.write_text("one\ntwo\nthree\nfo")
    assert ask.done("GET", LOG) == "one\ntwo\nthree\nfo"
    assert ask.done("GET", f"{LOG}?tailLines=2") == "three\nfo"
    assert ask.done("GET", f"{LOG}?tailLines=0") == ""
    assert ask.done("GET", f"{LOG}?tailLines=9") == "one\ntwo\nthree\nfo"
    assert ask.done("GET", f"{LOG}?limitBytes=5") == "one\nt"


def test_lines_have_times_that_stay_and_tell_them_apart(ask: Asking, log: Path) -> None:
    """From such a time on, a client that lost its connection goes on without a line twice."""
    log.write_text("one\rtwo\nthree\n")
    stamped = ask.done("GET", f"{LOG}?timestamps=true").split("\n")
    assert [line.partition(" ")[2] for line in stamped] == ["one\rtwo", "three", ""]
    assert len({line.partition(" ")[0] for line in stamped[:2]}) == 2
    with log.open("a") as file:
        file.write("four\n")
    assert ask.done("GET", f"{LOG}?timestamps=true").split("\n")[:2] == stamped[:2]
    assert ask.done("GET", f"{LOG}?sinceTime=2999-01-01T00:00:00Z") == ""
    assert ask.done("GET", f"{LOG}?sinceSeconds=3600") == "one\rtwo\nthree\nfour\n"


def test_a_log_is_followed_until_its_container_ends(ask: Asking, api: MemoryAPI, log: Path) -> None:
    """Whole lines as they come, and at the end what is left."""
    log.write_text("one\n")
    response = ask.text(f"{LOG}?follow=true")
    assert response.readline() == b"one\n"
    with log.open("a") as file:
        file.write("two\nthr")
    assert response.readline() == b"two\n"
    with log.open("a") as file:
        file.write("ee")
    becomes(api, ENDED)
    assert response.read() == b"three"


@pytest.mark.parametrize("end", ["restart", "removal"])
def test_a_log_is_followed_no_longer_than_its_container_lives(ask: Asking, api: MemoryAPI, log: Path, end: str) -> None:
    """Another life has another log."""
    log.write_text("one\n")
    response = ask.text(f"{LOG}?follow=true")
    assert response.readline() == b"one\n"
    if end == "restart":
        becomes(api, RUNNING, 1, ENDED)
    else:
        api.remove(P)
    assert response.read() == b""


def test_the_log_of_the_life_before_is_read_by_request(ask: Asking, api: MemoryAPI, log: Path) -> None:
    """Of one that waits to be started again, the last life is both the present one and the one before."""
    log.write_text("first\n")
    becomes(api, {"waiting": {"reason": "CrashLoopBackOff"}}, 0, ENDED)
    assert ask.done("GET", LOG) == ask.done("GET", f"{LOG}?previous=true") == "first\n"
    becomes(api, RUNNING, 1, ENDED)
    log.with_name("1.log").write_text("second\n")
    assert ask.done("GET", LOG) == "second\n"
    assert ask.done("GET", f"{LOG}?previous=true") == "first\n"


def test_a_log_that_is_not_there_is_a_refusal_in_the_kubelets_words(ask: Asking, api: MemoryAPI, log: Path) -> None:
    """Which container there is, or that it has not run yet."""
    assert not log.exists()
    assert "container x is not valid for pod p" in ask("GET", f"{LOG}?container=x")[1]["message"]
    words = 'previous terminated container "main" in pod "p" not found'
    assert ask("GET", f"{LOG}?previous=true")[1]["message"] == words
    becomes(api, {"waiting": {"reason": "ContainerCreating"}})
    words = 'container "main" in pod "p" is waiting to start: ContainerCreating'
    assert ask("GET", LOG)[1]["message"] == words
