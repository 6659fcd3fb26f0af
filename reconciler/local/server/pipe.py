"""Bytes on their way from a client to a Pod."""

import asyncio

DEPTH = 8
"""How many pieces may wait; whoever sends more waits himself."""


class Pipe:
    """Pieces of bytes, in order; what comes after `close` is dropped, and nobody waits any more."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(DEPTH)
        self._is_closed = False

    async def put(self, data: bytes) -> None:
        """Add a piece; an empty one is the end."""
        if not self._is_closed:
            await self._pieces.put(data)

    async def read(self) -> bytes:
        """The next piece; empty at the end."""
        return await self._pieces.get()

    def close(self) -> None:
        """Nobody reads any more."""
        self._is_closed = True
        while not self._pieces.empty():
            self._pieces.get_nowait()
        self._pieces.put_nowait(b"")  # for who reads and has not heard of it
