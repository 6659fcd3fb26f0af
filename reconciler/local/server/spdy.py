"""SPDY/3.1 as far as `kubectl port-forward` speaks it: many streams of bytes over one connection.

A control frame is `0x8003, type (2 bytes), flags (1), length (3)`, a data frame `stream (4), flags (1), length (3)`.
Headers are compressed with zlib, whose dictionary both sides know beforehand.
"""

import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from reconciler.local.server.pipe import Pipe

VERSION = 0x8003
SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1
HEAD = 8

_WORDS = (
    "options|head|post|put|delete|trace|accept|accept-charset|accept-encoding|accept-language|accept-ranges|"
    "age|allow|authorization|cache-control|connection|content-base|content-encoding|content-language|"
    "content-length|content-location|content-md5|content-range|content-type|date|etag|expect|expires|from|"
    "host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|location|"
    "max-forwards|pragma|proxy-authenticate|proxy-authorization|range|referer|retry-after|server|te|trailer|"
    "transfer-encoding|upgrade|user-agent|vary|via|warning|www-authenticate|method|get|status|200 OK|version|"
    "HTTP/1.1|url|public|set-cookie|keep-alive|origin"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Author"
    "itative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 No"
    "t Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Au"
    "g Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,"
    "image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,def"
    "late,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(len(word).to_bytes(4) + word.encode() for word in _WORDS.split("|")) + _TEXT.encode()
"""What the specification of SPDY/3 gives; every byte counts."""


@dataclass(slots=True, eq=False)
class Stream:
    """One stream of bytes in both directions.

    Attributes:
        number: Its number.
        headers: What it was opened with.
        incoming: What comes; it ends when the other side ends it.
    """

    number: int
    headers: dict[str, str]
    incoming: Pipe = field(default_factory=Pipe)


class Session:
    """The server's side of a connection.

    Args:
        send: Sends bytes to the client.
        opened: Is told of each stream that the client opens.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]], opened: Callable[[Stream], None]) -> None:
        self._send = send
        self._opened = opened
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._buffer = bytearray()
        self._streams: dict[int, Stream] = {}

    async def feed(self, data: bytes) -> None:
        """Take what has come from the client."""
        self._buffer += data
        while len(self._buffer) >= HEAD:
            length = int.from_bytes(self._buffer[5:HEAD])
            if len(self._buffer) < HEAD + length:
                return
            head, payload = bytes(self._buffer[:HEAD]), bytes(self._buffer[HEAD : HEAD + length])
            del self._buffer[: HEAD + length]
            if head[0] & 0x80:
                await self._control(int.from_bytes(head[2:4]), head[4], payload)
            else:
                await self._data(int.from_bytes(head[:4]), head[4], payload)

    async def write(self, stream: Stream, data: bytes) -> None:
        """Send data on a stream."""
        if stream.number in self._streams:
            await self._send(stream.number.to_bytes(4) + b"\0" + len(data).to_bytes(3) + data)

    async def end(self, stream: Stream) -> None:
        """End our side of a stream."""
        stream.incoming.close()
        if self._streams.pop(stream.number, None) is not None:
            await self._send(stream.number.to_bytes(4) + bytes([FIN]) + b"\0\0\0")

    def close(self) -> None:
        """The connection is gone, and all streams with it."""
        for stream in self._streams.values():
            stream.incoming.close()
        self._streams.clear()

    async def _data(self, number: int, flags: int, payload: bytes) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            if payload:
                await stream.incoming.put(payload)
            if flags & FIN:
                await stream.incoming.put(b"")

    async def _control(self, type_: int, flags: int, payload: bytes) -> None:
        number = int.from_bytes(payload[:4]) & 0x7FFFFFFF
        if type_ == SYN_STREAM:
            stream = self._streams[number] = Stream(number, self._headers(payload[10:]))
            if flags & FIN:
                await stream.incoming.put(b"")
            empty = self._deflate.compress((0).to_bytes(4)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
            await self._frame(SYN_REPLY, number.to_bytes(4) + empty)
            self._opened(stream)
        elif type_ == RST_STREAM:
            if gone := self._streams.get(number):
                await gone.incoming.put(b"")
        elif type_ == PING:
            await self._frame(PING, payload)
        elif type_ == GOAWAY:
            self.close()

    async def _frame(self, type_: int, payload: bytes) -> None:
        await self._send(VERSION.to_bytes(2) + type_.to_bytes(2) + b"\0" + len(payload).to_bytes(3) + payload)

    def _headers(self, packed: bytes) -> dict[str, str]:
        data = self._inflate.decompress(packed)
        parts, at = [], 4
        for _ in range(2 * int.from_bytes(data[:4])):
            size = int.from_bytes(data[at : at + 4])
            parts.append(data[at + 4 : at + 4 + size].decode())
            at += 4 + size
        return dict(zip(parts[::2], parts[1::2], strict=True))
