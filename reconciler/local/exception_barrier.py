"""The exception barrier around one step of a run: an exception is logged, and all other steps go on.

    around              what goes on without it
    the files           what they said before
    network             what was connected and announced before
    the picture         the last one

Each Pod has a barrier of its own, in `kubelet`. What ends a run on purpose passes: a `LocalError`, and a
`BrokenPipeError`, since nobody reads any more.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from reconciler.local.errors import LocalError

_log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")


class ExceptionBarrier:
    """Around each turn of one step.

    - What is caught is logged with its traceback, and once, however often the step fails in the same way.

    Args:
        step: What it is around, as the log names it.
    """

    def __init__(self, step: str) -> None:
        self._step = step
        self._known: set[str] = set()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Around one turn."""
        try:
            yield
        except (LocalError, BrokenPipeError):
            raise
        except Exception as bug:  # noqa: BLE001 - or one bug would end every process of the run
            what = f"{type(bug).__name__}: {bug}"
            if what not in self._known:
                self._known.add(what)
                _log.exception("step.failed", step=self._step)
