"""What surrounds the loop is joined to it."""

import http.client
import threading
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.daemon import run
from reconciler.daemon.run import Passes
from reconciler.daemon.settings import Settings
from reconciler.daemon.signals import Events
from reconciler.dask.secured import Channel
from reconciler.memory import MemoryAPI
from reconciler.wire.errors import Unreachable
from tests.builders import NOON


class Server(MemoryAPI):
    """One whose answers a bug meets."""

    def __init__(self, *_: Any) -> None:
        super().__init__(lambda: NOON)

    def list(self, *_: Any, **__: Any) -> bytes:
        raise LookupError("a bug")

    def forward(self, *_: Any) -> Channel:
        raise LookupError("a bug")

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, str]]:
    """What the port answers after a pass that a bug has ended, on a machine whose clock was set then."""
    found: dict[str, tuple[int, str]] = {}

    def one_pass(passes: Passes, _: Events, __: float) -> int:
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()
        passes.forever(stop)
        monkeypatch.setattr(run, "now", lambda: NOON + timedelta(days=3650))
        for path in ("/healthz", "/metrics"):
            connection = http.client.HTTPConnection("127.0.0.1", int(logs[0]["port"]), timeout=5)
            connection.request("GET", path)
            response = connection.getresponse()
            found[path] = response.status, response.read().decode()
            connection.close()
        return 0

    monkeypatch.setattr(run, "connected", Server)
    monkeypatch.setattr(run, "make_passes", one_pass)
    with capture_logs() as logs:
        assert run.run_daemon(Settings(bind="127.0.0.1", port=0, no_hints=True, interval=3600.0)) == 0
    return found


def test_a_pass_that_a_bug_has_ended_is_in_the_metrics(answers: dict[str, tuple[int, str]]) -> None:
    """And nowhere else but in the log."""
    assert 'dask_reconciler_passes_total{result="crashed"} 1.0' in answers["/metrics"][1]


def test_whoever_sets_the_clock_does_not_make_the_process_look_stuck(answers: dict[str, tuple[int, str]]) -> None:
    """Or Kubernetes would end it."""
    assert answers["/healthz"][0] == 200, answers["/healthz"]


def test_a_server_that_is_silent_at_the_start_keeps_nobody_from_ending_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Signals are acted on while it is asked which namespaces there are."""
    silent, answered, seen = threading.Event(), list[bool](), list[list[bool]]()

    class Silent(Server):
        def list(self, *_: Any, **__: Any) -> bytes:
            answered.append(silent.wait(10))
            raise Unreachable("silence")

    def no_pass(*_: Any) -> int:
        seen.append([*answered])
        silent.set()
        return 0

    monkeypatch.setattr(run, "connected", Silent)
    monkeypatch.setattr(run, "make_passes", no_pass)
    assert run.run_daemon(Settings(bind="127.0.0.1", port=0, no_hints=True, namespaces=("a",))) == 0
    assert seen == [[]]


@pytest.mark.parametrize("no_dask", [True, False])
def test_schedulers_are_asked_until_the_daemon_ends(monkeypatch: pytest.MonkeyPatch, *, no_dask: bool) -> None:
    """Unless nobody is to ask them."""
    asking: list[threading.Thread] = []

    def passes(*_: Any) -> int:
        asking.extend(thread for thread in threading.enumerate() if thread.name == "asks schedulers")
        return 0

    monkeypatch.setattr(run, "connected", Server)
    monkeypatch.setattr(run, "make_passes", passes)
    assert run.run_daemon(Settings(bind="127.0.0.1", port=0, no_hints=True, no_dask=no_dask)) == 0
    assert bool(asking) is not no_dask
    for thread in asking:
        thread.join(20)
        assert not thread.is_alive()
