"""Tells those who wait in the server's event loop when something in the API has changed."""

import asyncio
import threading
from contextlib import suppress

from reconciler.memory import MemoryAPI

LOOK_SECONDS = 0.1
"""How long it takes at most to notice that it is over."""


class News:
    """What wakes up those who wait for a change.

    Args:
        api: The API whose changes are waited for.
        loop: The event loop in which they wait.
    """

    def __init__(self, api: MemoryAPI, loop: asyncio.AbstractEventLoop) -> None:
        self._api = api
        self._loop = loop
        self._event = asyncio.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._look, name="news", daemon=True)
        self._thread.start()

    async def after(self, revision: int, seconds: float) -> None:
        """Wait until the revision is another one, somebody is woken, or so long."""
        event = self._event
        if self._api.revision == revision:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()

    def wake(self) -> None:
        """Wake all who wait, since something else has changed; in the event loop."""
        self._event.set()
        self._event = asyncio.Event()

    def close(self) -> None:
        """End; nobody is woken any more, and no thread is left."""
        self._is_over = True
        self._thread.join()

    def _look(self) -> None:
        seen = self._api.revision
        while not self._is_over:
            revision = self._api.wait(seen, LOOK_SECONDS)
            if revision != seen and not self._is_over:
                seen = revision
                with suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(self.wake)
