"""Blocking calls beside an event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(function: Callable[[], Result]) -> Result:
    """What a blocking function returns.

    Its thread is a daemon, unlike those of `asyncio.to_thread`, which hold up the end of the process.
    """
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        # Nobody listens any more if the event loop is closed by now.
        with contextlib.suppress(RuntimeError):
            try:
                result = function()
            except Exception as error:  # noqa: BLE001 -- it is raised where it is waited for
                future.set_exception(error)
            else:
                future.set_result(result)

    threading.Thread(target=run, name="kubecluster: a request", daemon=True).start()
    return await asyncio.wrap_future(future)
