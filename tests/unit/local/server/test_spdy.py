"""SPDY as `kubectl port-forward` speaks it: a client of the tests' own at the other end."""

import asyncio
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.server.spdy import DICTIONARY, FIN, PING, RST_STREAM, SYN_REPLY, SYN_STREAM, Session, Stream


class Client:
    """What a client sends, and what it has got."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self.got = b""

    async def take(self, data: bytes) -> None:
        self.got += data

    def opens(self, number: int, flags: int = 0, **headers: str) -> bytes:
        words = [word.encode() for pair in headers.items() for word in pair]
        plain = len(headers).to_bytes(4) + b"".join(len(word).to_bytes(4) + word for word in words)
        packed = self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(SYN_STREAM, number.to_bytes(4) + bytes(6) + packed, flags)

    def frames(self) -> list[tuple[int, int, bytes]]:
        """What has come: types of control frames as negative numbers, or streams; flags; what is in them."""
        frames = []
        while self.got:
            size = int.from_bytes(self.got[5:8])
            head, payload, self.got = self.got[:8], self.got[8 : 8 + size], self.got[8 + size :]
            number = -int.from_bytes(head[2:4]) if head[0] & 0x80 else int.from_bytes(head[:4])
            frames.append((number, head[4], payload))
        return frames


def control(type_: int, payload: bytes, flags: int = 0) -> bytes:
    return bytes([0x80, 3]) + type_.to_bytes(2) + bytes([flags]) + len(payload).to_bytes(3) + payload


def data(number: int, payload: bytes, flags: int = 0) -> bytes:
    return number.to_bytes(4) + bytes([flags]) + len(payload).to_bytes(3) + payload


@given(st.data())
def test_streams_are_told_apart_however_the_bytes_are_cut(draw: st.DataObject) -> None:
    """Headers, bytes and ends of each stream come to it, whatever pieces the connection brings."""
    client = Client()
    sent = client.opens(1, port="80", streamtype="data") + client.opens(3, FIN, port="80", streamtype="error")
    sent += data(1, b"one") + data(3, b"never") + data(1, b"two", FIN)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(sent)), max_size=5)))

    async def play() -> None:
        streams: list[Stream] = []
        session = Session(client.take, streams.append)
        for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
            await session.feed(sent[start:end])
        assert [stream.headers["streamtype"] for stream in streams] == ["data", "error"]
        assert [await streams[0].incoming.read() for _ in range(3)] == [b"one", b"two", b""]
        assert await streams[1].incoming.read() == b""
        await session.write(streams[0], b"answer")
        await session.end(streams[0])
        await session.write(streams[0], b"too late")

    asyncio.run(play())
    frames = client.frames()
    assert [frame[0] for frame in frames[:2]] == [-SYN_REPLY, -SYN_REPLY]
    assert frames[2:] == [(1, 0, b"answer"), (1, FIN, b"")]


@pytest.mark.parametrize("last", [control(RST_STREAM, bytes([0, 0, 0, 1, 0, 0, 0, 5])), b""])
def test_a_stream_that_is_reset_or_lost_ends(last: bytes) -> None:
    """Whoever reads it waits no longer."""
    client = Client()

    async def play() -> None:
        streams: list[Stream] = []
        session = Session(client.take, streams.append)
        await session.feed(client.opens(1) + last)
        reader = asyncio.create_task(streams[0].incoming.read())
        await asyncio.sleep(0)
        session.close()
        assert await asyncio.wait_for(reader, 5) == b""

    asyncio.run(play())


def test_a_ping_is_answered() -> None:
    """With its own number."""
    client = Client()

    async def play() -> None:
        await Session(client.take, lambda _: None).feed(control(PING, b"\0\0\0\7"))

    asyncio.run(play())
    assert client.frames() == [(-PING, 0, b"\0\0\0\7")]
