import io
import json
import signal
import socket
import subprocess
import threading
from contextlib import ExitStack
from queue import SimpleQueue

import pytest

from reconciler.api import Exchange
from reconciler.cli import main
from reconciler.daemon.log import configure
from reconciler.daemon.run import Pulse, make_passes
from tests.cli.daemon import Daemon, running
from tests.cli.kubernetes import Kubernetes
from tests.http.faultyserver import Fault, How
from tests.realcluster.eventually import eventually
from tests.signals import ignoring


def ready(daemon: Daemon) -> bool:
    return daemon.asked("/readyz") == (200, "ready: what is to be looked after has been listed\n")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_daemon_after_the_pass_in_hand(kubernetes: Kubernetes, stop: signal.Signals) -> None:
    """SIGTERM and SIGINT end it with 0, at once where it only waits for the next pass."""
    with running([*kubernetes.flags, "--interval", "1h"]) as daemon:
        done = daemon.event("pass.done")
        assert ready(daemon)
        assert daemon.ended(stop) == 0
    assert (done["created"], done["recorded"]) == (6, 2)
    assert [line["event"] for line in daemon.lines] == [
        "daemon.started",
        "pass.done",
        "daemon.stopping",
        "daemon.stopped",
    ]


def test_the_daemon_serves_probes_and_metrics(kubernetes: Kubernetes) -> None:
    """Its port tells that it lives, that it is ready, and what it did."""
    with running([*kubernetes.flags, "--interval", "1h"]) as daemon:
        daemon.event("pass.done")
        assert daemon.asked("/healthz")[0] == 200
        _, text = daemon.asked("/metrics")
    for sample in (
        'dask_reconciler_passes_total{result="done"} 1.0',
        'dask_reconciler_applied_actions_total{action="create",kind="Pod",result="done"} 3.0',
        'dask_reconciler_api_requests_total{code="200",resource="pods",verb="LIST"} 2.0',
        'dask_reconciler_workers_wanted{cluster="simple",namespace="default"} 2.0',
        "process_cpu_seconds_total",
        "python_info",
    ):
        assert sample in text
    assert "_created" not in text


def test_the_daemon_outlives_what_kubernetes_cannot_answer(kubernetes: Kubernetes) -> None:
    """A failed list is logged when it starts and when it ends; meanwhile the daemon lives and is not ready."""
    fault = Fault(500, "LIST", "pods", times=10**9)
    kubernetes.server.faults.append(fault)
    with running([*kubernetes.flags, "--interval", "100ms"]) as daemon:
        failed = daemon.event("list.failed")
        assert daemon.asked("/healthz")[0] == 200
        assert daemon.asked("/readyz")[0] == 503
        kubernetes.server.faults.remove(fault)
        daemon.event("list.failed.over")
        eventually(lambda: ready(daemon), "readiness")
        assert daemon.ended(signal.SIGTERM) == 0
    assert failed["key"] == "pods in all namespaces"
    assert [line["event"] for line in daemon.lines].count("list.failed") == 1


def test_a_rehearsing_daemon_writes_nothing(kubernetes: Kubernetes) -> None:
    """`--dry-run` without `--once` logs what it would do, once while that stays the same, and only reads."""
    with running([*kubernetes.flags, "--dry-run", "--interval", "50ms"]) as daemon:
        planned = daemon.event("pass.planned")
        eventually(lambda: ready(daemon), "readiness")
        seen = len(kubernetes.server.asked)
        eventually(lambda: len(kubernetes.server.asked) > seen + 20, "another rehearsal")
        assert daemon.ended(signal.SIGTERM) == 0
    assert (planned["create"], planned["record"]) == (6, 2)
    assert [line["event"] for line in daemon.lines].count("pass.planned") == 1
    assert kubernetes.writes() == []


def test_a_second_interrupt_ends_at_once(kubernetes: Kubernetes) -> None:
    """Whoever presses Ctrl-C twice does not wait for a Kubernetes that hangs."""
    kubernetes.server.faults.append(Fault(How.SILENT_BEFORE, "LIST"))
    with running([*kubernetes.flags, "--read-timeout", "1h"]) as daemon:
        eventually(lambda: not kubernetes.server.pending, "a list that hangs")
        assert daemon.ended(signal.SIGINT, signal.SIGINT) == 130


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_is_ignored_at_the_start_stays_ignored(kubernetes: Kubernetes, ignored: signal.Signals) -> None:
    """Under nohup, or in a script's background: SIGTERM ends it, and the log says so where it is not Ctrl-C."""
    with ignoring(ignored), running([*kubernetes.flags, "--interval", "1h"]) as daemon:
        started = daemon.event("daemon.started")
        daemon.process.send_signal(ignored)
        daemon.event("pass.done")
        assert ready(daemon)
        assert daemon.ended(signal.SIGTERM) == 0
    told = f"SIGTERM ends this: kill {daemon.process.pid}"
    assert started.get("message", "").endswith(told) == (ignored == signal.SIGINT)
    assert ("SIGINT" in daemon.event("daemon.stopping")["message"]) == (ignored != signal.SIGINT)


def test_a_single_pass_ends_by_sigterm_where_interrupts_are_ignored(kubernetes: Kubernetes) -> None:
    """`--once` leaves the signal as it found it, too."""
    kubernetes.server.faults.append(Fault(How.SILENT_BEFORE, "LIST"))
    with ignoring(signal.SIGINT), running([*kubernetes.flags, "--once", "--read-timeout", "1h"]) as once:
        eventually(lambda: bool(kubernetes.server.asked), "a list that hangs")
        once.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            once.process.wait(0.5)
        assert once.ended(signal.SIGTERM) == -signal.SIGTERM


def test_a_pass_that_hangs_is_cut_short_in_time(kubernetes: Kubernetes) -> None:
    """SIGTERM waits for the pass in hand, but not for longer than the stop timeout."""
    kubernetes.server.faults.append(Fault(How.SILENT_BEFORE, "LIST"))
    with running([*kubernetes.flags, "--read-timeout", "1h", "--stop-timeout", "100ms"]) as daemon:
        eventually(lambda: not kubernetes.server.pending, "a list that hangs")
        assert daemon.ended(signal.SIGTERM) == 1
    assert daemon.lines[-1]["event"] == "daemon.cut_short"


def test_a_port_in_use_ends_the_daemon_with_the_reason(
    kubernetes: Kubernetes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two daemons on one port: the second says so and gives 1."""
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        assert main([*kubernetes.flags, "--bind", "127.0.0.1", "--port", str(taken)]) == 1
    assert f"Cannot listen on 127.0.0.1 port {taken}" in capsys.readouterr().err


class Broken:
    """A loop with a bug."""

    last_attempt_seconds: float | None = None
    listed_once = False

    def forever(self, stop: threading.Event) -> None:
        raise LookupError(f"a bug, {stop.is_set()}")


def test_a_bug_ends_the_daemon_with_a_traceback() -> None:
    """What no one foresaw is logged once, and the process ends with 1 for Kubernetes to start another."""
    stream = io.StringIO()
    configure("json", "info", stream)
    assert make_passes(Broken(), SimpleQueue(), 1.0) == 1
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"]) == ("daemon.crashed", "error")
    assert "LookupError: a bug, False" in line["exception"]


@pytest.mark.parametrize(("verb", "is_sign_of_life"), [("LIST", True), ("WATCH", False)])
def test_a_watch_is_no_sign_of_life(verb: str, *, is_sign_of_life: bool) -> None:
    """Watches are opened even if passes hang; what a pass asks for shows that it goes on."""
    told: list[Exchange] = []
    pulse = Pulse(told.append)
    pulse(Exchange(verb, "pods", "200", 0.1, 0))
    assert (pulse.last_seconds is not None) is is_sign_of_life
    assert [one.verb for one in told] == [verb]
