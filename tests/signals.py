"""How signals stand when a test, or a program that it starts, begins."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

USUAL: Mapping[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
}


def usual() -> AbstractContextManager[None]:
    """Signals end a program, as at a terminal; under nohup, from cron or in a script's background, some are ignored."""
    ignored = [each for each in USUAL if signal.getsignal(each) is signal.SIG_IGN]
    return _handled({each: USUAL[each] for each in ignored})


def ignoring(*signals: signal.Signals) -> AbstractContextManager[None]:
    """Programs that are started meanwhile begin with those signals ignored."""
    return _handled(dict.fromkeys(signals, signal.SIG_IGN))


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    before = {each: signal.signal(each, handler) for each, handler in handlers.items()}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
