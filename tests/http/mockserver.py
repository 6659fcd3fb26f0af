"""kmock for tests that are not asynchronous: its loop runs in a thread."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

import kmock

Handler = TypeVar("Handler", bound=kmock.RawHandler)


class MockServer(Generic[Handler]):
    """Serves a kmock handler over HTTP while it is entered.

    Args:
        handler: What is asked and answers; reactions may be added at any time.
    """

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.url = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with self.handler, kmock.Server(self.handler) as server:
            self.url = str(server.url).rstrip("/")
            self._ready.set()
            await self._over.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "kmock did not start in 10 s"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._over is not None
        self.call(self._over.set)
        self._thread.join()

    def call(self, callback: Callable[[], object]) -> None:
        """Have the loop call something."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(callback)
