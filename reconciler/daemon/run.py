"""Passes for ever, watched by probes, until a signal.

    main thread     waits for a signal or for the loop's end
    loop thread     makes passes
    server threads  answer probes and Prometheus
    another         tells once which namespaces do not exist

The loop has a thread of its own because a signal handler runs in the main thread, in the middle of whatever that is
doing: one that set an event the loop was just waiting for could wait for itself.
"""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import NoReturn, Protocol

import structlog
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from models.kinds import Key
from reconciler import __version__
from reconciler.api import Exchange
from reconciler.api.request import HttpVerb
from reconciler.daemon.connection import connected, now
from reconciler.daemon.endpoints import Probe, application, liveness, patience, readiness, serving
from reconciler.daemon.exitcodes import DONE, FAILED, INTERRUPTED
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.namespaces import tell_absent
from reconciler.daemon.passlog import PassLog
from reconciler.daemon.schedulers import schedulers_of
from reconciler.daemon.settings import Settings
from reconciler.daemon.signals import Events, how_to_end, ignores_interrupts, signals
from reconciler.dask.asking import asking
from reconciler.hints import Hints
from reconciler.loop import Loop
from reconciler.memory import twin_of

LONGEST_UNNOTICED_SECONDS = 1.0
"""How long a signal may go unnoticed."""


class Passes(Protocol):
    """What makes passes, or rehearses them."""

    last_attempt_seconds: float | None
    listed_once: bool

    def forever(self, stop: threading.Event) -> None:
        """Make passes until `stop` is set."""


def run_daemon(settings: Settings) -> int:
    """Make passes until a signal; the exit code.

    Raises:
        NoCluster: no cluster is configured, or wrongly.
        ServerError: the port cannot be listened on.
    """
    collect_garbage_seldom()
    log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")
    registry = _registry()
    metrics = Metrics(registry, now, rehearsed=settings.dry_run, owner_label=settings.owner_label)
    pulse = Pulse(metrics.exchange)
    api = connected(settings, pulse)
    observers = (metrics, PassLog(now, rehearsed=settings.dry_run))
    hints = None if settings.no_hints or settings.dry_run else Hints(api, settings.namespaces)
    twin = twin_of if settings.dry_run else None
    schedulers = schedulers_of(settings, api, changed=_hinting(hints), called=metrics.called)
    passes = Loop(
        api,
        settings,
        clock=now,
        observers=observers,
        twin=twin,
        hints=hints,
        schedulers=schedulers,
        crashed=metrics.crashed,
    )
    app = application(registry, _probes(passes, pulse, settings))
    with serving(settings.bind, settings.port, app) as port, signals() as events:
        scope = {"namespaces": list(settings.namespaces)} if settings.namespaces else {}
        mode = {"dry_run": True} if settings.dry_run else {}
        end = {"message": how_to_end()} if ignores_interrupts() else {}
        each = {"version": __version__, "port": port, "interval_seconds": settings.interval}
        log.info("daemon.started", **each, **scope, **mode, **end)
        # In a thread of its own: a server that is silent keeps nobody from ending the process.
        threading.Thread(target=tell_absent, args=(api, settings.namespaces), name="namespaces", daemon=True).start()
        with asking(schedulers):
            code = make_passes(passes, events, settings.stop_timeout)
    api.close()
    return code


def _hinting(hints: Hints | None) -> Callable[[Key], None]:
    """Has trees looked at of which a scheduler has told something new."""

    def changed(tree: Key) -> None:
        if hints is not None:
            hints.remind([tree], 0.0)

    return changed


def collect_garbage_seldom() -> None:
    """Have Python look for cycles of garbage less often.

    Passes make many objects and hardly a cycle, and looking through all those of ten thousand Pods again and again
    costs more the more there are: a third of the CPU time in which 800 clusters come up.
    """
    gc.set_threshold(50_000, 20, 100)


def _registry() -> CollectorRegistry:
    # Or every series would come twice, to tell when it was made.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class Pulse:
    """Notes when the last request of a pass returned: a long pass is alive as long as its requests return.

    Args:
        exchanged: Called with every request too.
    """

    def __init__(self, exchanged: Callable[[Exchange], None]) -> None:
        self._exchanged = exchanged
        self.last_seconds: float | None = None

    def __call__(self, exchange: Exchange) -> None:
        """Take note of a request of passes, which read no single objects, and open no watches."""
        if exchange.verb not in (HttpVerb.WATCH, HttpVerb.GET):
            self.last_seconds = time.monotonic()
        self._exchanged(exchange)


def _probes(passes: Passes, pulse: Pulse, settings: Settings) -> dict[str, Probe]:
    bound, started = patience(settings.interval, settings.total_timeout), time.monotonic()

    def last_sign() -> float | None:
        signs = (passes.last_attempt_seconds, pulse.last_seconds)
        return max((sign for sign in signs if sign is not None), default=None)

    return {
        "/healthz": lambda: liveness(time.monotonic(), started, last_sign(), bound),
        "/readyz": lambda: readiness(listed_once=passes.listed_once),
    }


def make_passes(passes: Passes, events: Events, stop_timeout: float) -> int:
    """Make passes in a thread until a signal, or until they end by themselves, which they should not; the exit code.

    Args:
        passes: What makes them.
        events: Where signals come from.
        stop_timeout: For how many seconds the pass in hand may still run after a signal.
    """
    log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")
    stop = threading.Event()

    def run() -> None:
        try:
            passes.forever(stop)
        except Exception:  # whatever it is, it is logged and ends the process
            log.exception("daemon.crashed")
        finally:
            events.put(None)

    threading.Thread(target=run, name="loop", daemon=True).start()
    caught = _first(events)
    if caught is None:
        return FAILED
    stop.set()
    sooner = f"at most {stop_timeout:g} s later" if ignores_interrupts() else "SIGINT (Ctrl-C) ends it now"
    log.info("daemon.stopping", signal=caught.name, message=f"ends after the pass in hand; {sooner}")
    return _stopped(events, time.monotonic() + stop_timeout, log)


def _first(events: Events) -> signal.Signals | None:
    """The first event; waits as long as it takes.

    A signal that arrives just as a wait begins has its handler called only when that wait is over, so that a wait
    without an end may miss it.
    """
    while True:
        with suppress(Empty):
            return events.get(timeout=LONGEST_UNNOTICED_SECONDS)


def _stopped(events: Events, deadline: float, log: structlog.stdlib.BoundLogger) -> int:
    """Wait for the loop to end; its threads may hang in a request, and then only the process can."""
    while True:
        try:
            caught = events.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            log.error("daemon.cut_short", message="the pass in hand did not end in time; the next start resumes it")  # noqa: TRY400 - no error of ours
            _end_now(FAILED)
        if caught is None:
            log.info("daemon.stopped")
            return DONE
        if caught is signal.SIGINT:
            _end_now(INTERRUPTED)


def _end_now(code: int) -> NoReturn:
    """End without waiting for threads, as Python would at exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
