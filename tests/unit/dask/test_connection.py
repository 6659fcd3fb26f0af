"""Conversations with schedulers that lie, stall, flood, or send code."""

import itertools
import pickle
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed.protocol.core import dumps, loads
from distributed.protocol.serialize import ToPickle, to_serialize

from reconciler.dask import (
    Address,
    Connection,
    DaskError,
    Malformed,
    SchedulerError,
    Silent,
    TooLarge,
    Unreachable,
    adaptive_target,
    check_idle,
    connect,
    holdings,
    identity,
    processing,
    retire,
)
from reconciler.dask.connection import LONGEST_TEXT, Call
from tests.unit.dask.hostile import (
    HANDSHAKE,
    Act,
    Bomb,
    answering,
    hanging_up,
    hostile,
    little_memory,
    message,
    on_wire,
    packed,
    trickling,
    until_closed,
)

CALLS: list[Callable[[Connection], object]] = [
    identity,
    lambda connection: adaptive_target(connection, target_duration_seconds=5),
    processing,
    holdings,
    check_idle,
    lambda connection: retire(connection, ["tcp://10.0.0.7:40123"]),
]
GIGABYTES = struct.pack("<Q", 8 * 2**30)


def target(address: Address, *, seconds: float = 5, **options: Any) -> int:
    with connect(address, seconds=seconds, **options) as connection:
        return adaptive_target(connection, target_duration_seconds=5)


def trouble(act: Act, *, seconds: float = 5, call: Callable[[Connection], object] = CALLS[1]) -> DaskError:
    """What comes of asking such a scheduler; little memory is taken, and no thread and no socket are left."""
    threads = threading.active_count()
    with (
        hostile(act) as address,
        little_memory(),
        pytest.raises(DaskError) as caught,
        connect(address, seconds=seconds) as connection,
    ):
        call(connection)
    assert threading.active_count() == threads
    assert str(address) in caught.value.message
    assert caught.value.message.isprintable()
    return caught.value


def test_an_answer_is_returned() -> None:
    with hostile(answering(packed(3))) as address:
        assert target(address) == 3


def test_a_conversation_has_many_requests() -> None:
    """An error that the scheduler answers ends none."""
    failed = packed({"status": "uncaught-error", "exception_text": "KeyError('x')"})
    with hostile(answering(packed(3), failed, packed(4))) as address, connect(address, seconds=5) as connection:
        assert adaptive_target(connection, target_duration_seconds=5) == 3
        with pytest.raises(SchedulerError):
            adaptive_target(connection, target_duration_seconds=5)
        assert adaptive_target(connection, target_duration_seconds=5) == 4


@pytest.mark.parametrize(
    ("act", "results"),
    [
        (answering(packed(3)), ["ok", "ok"]),
        (answering(packed({"status": "error"})), ["ok", "refused"]),
        (answering(packed("OK")), ["ok", "malformed"]),
        (answering(GIGABYTES), ["ok", "too_large"]),
        (answering(), ["ok", "silent"]),
        (hanging_up(after=b""), ["ok", "unreachable"]),
        (answering(handshake=packed("hello")), ["malformed"]),
    ],
)
def test_each_request_counts_by_what_came_of_it(act: Act, results: list[str]) -> None:
    """The connection with its handshake too."""
    calls: list[Call] = []
    with hostile(act) as address, suppress(DaskError):
        target(address, seconds=0.2, called=calls.append)
    assert [call.method for call in calls] == ["connect", "adaptive_target"][: len(results)]
    assert [call.result for call in calls] == results
    assert all(0.0 <= call.seconds < 1.0 for call in calls)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(
            lambda bomb: {"status": "uncaught-error", "exception": to_serialize(pickle.dumps(bomb))},
            id="the exception of an error",
        ),
        pytest.param(lambda bomb: {"status": "error", "exception_text": ToPickle(bomb)}, id="the text of an error"),
        pytest.param(ToPickle, id="the answer"),
        pytest.param(to_serialize, id="the answer in frames"),
        pytest.param(pickle.dumps, id="the answer in bytes"),
        pytest.param(lambda bomb: {"id": "x", "workers": {"tcp://10.0.0.7:1": {"name": ToPickle(bomb)}}}, id="a field"),
    ],
)
def test_a_pickle_is_not_executed(
    sent: Callable[[Any], Any], call: Callable[[Connection], object], tmp_path: Path
) -> None:
    """Wherever it is."""
    error = trouble(answering(message(sent(Bomb(tmp_path / "executed")))), call=call)
    assert isinstance(error, Malformed | SchedulerError)
    assert not (tmp_path / "executed").exists()


def test_the_bombs_of_these_tests_explode(tmp_path: Path) -> None:
    """`distributed` executes them, even where it is told not to deserialize."""
    loads(dumps({"id": ToPickle(Bomb(tmp_path / "executed"))}), deserialize=False)
    assert (tmp_path / "executed").exists()


def test_a_pickle_in_the_handshake_is_not_executed(tmp_path: Path) -> None:
    handshake = message({**HANDSHAKE, "python": ToPickle(Bomb(tmp_path / "executed"))})
    with hostile(answering(packed(3), handshake=handshake)) as address:
        assert target(address) == 3
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(GIGABYTES, TooLarge, id="gigabytes that come first"),
        pytest.param(struct.pack("<4Q", 25, 2, 1, 8 * 2**30) + b"\x01", TooLarge, id="gigabytes that come later"),
        pytest.param(on_wire(*[b"\x01"] * 2000), TooLarge, id="frames without end"),
        pytest.param(on_wire(b"\x91" * 100_000), TooLarge, id="arrays within one another"),
        pytest.param(on_wire(b"\x81\xa1x" * 100_000), TooLarge, id="maps within one another"),
        pytest.param(on_wire(b"\xdd\xff\xff\xff\xff"), TooLarge, id="an array of four thousand millions"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", TooLarge, id="another protocol"),
        pytest.param(on_wire(b""), Malformed, id="an empty frame"),
        pytest.param(on_wire(b"\xc1"), Malformed, id="what is not MessagePack"),
        pytest.param(packed("OK"), Malformed, id="another type"),
        pytest.param(packed([1, 2]), Malformed, id="a list"),
        pytest.param(packed({"x": "y"}), Malformed, id="a map of something else"),
        pytest.param(message(to_serialize(b"x" * 100_000)), Malformed, id="something serialized"),
    ],
)
def test_what_is_no_answer_is_told_apart(
    answer: bytes, error: type[DaskError], call: Callable[[Connection], object]
) -> None:
    """Too much of something, or something else."""
    assert type(trouble(answering(answer), call=call)) is error


@pytest.mark.parametrize(
    "handshake",
    [
        packed("hello"),
        packed(None),
        GIGABYTES,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        on_wire(b"\xc1"),
        pytest.param(struct.pack("<3Q", 2, 1, 1) + b"\x80\x80", id="a release before 2021.4"),
    ],
)
def test_who_shakes_hands_otherwise_is_no_scheduler(handshake: bytes) -> None:
    assert isinstance(trouble(answering(handshake=handshake)), Malformed)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(until_closed, id="without a handshake"),
        pytest.param(answering(), id="without an answer"),
        pytest.param(answering(packed(3)[:-1]), id="with an answer that lacks a byte"),
        pytest.param(trickling(packed(HANDSHAKE)), id="with a handshake of a byte now and then"),
        pytest.param(trickling(struct.pack("<Q", 2**19)), id="with a message of a byte now and then"),
    ],
)
def test_silence_ends_at_the_deadline(act: Act) -> None:
    """However it is silent: one deadline holds for all of a conversation."""
    assert isinstance(trouble(act, seconds=0.2), Silent)


@pytest.mark.parametrize("act", [until_closed, trickling(b"\x16\x03\x03\x40\x00")])
def test_silence_in_the_tls_handshake_ends_at_the_deadline(act: Act) -> None:
    """Nothing, or a record of a byte now and then."""
    with hostile(act) as address, pytest.raises(Silent, match=r"tls://.*to connect"):
        target(replace(address, tls=ssl.create_default_context()), seconds=0.2)


def test_an_answer_after_the_deadline_is_none() -> None:
    """Not even one that is there already."""
    moments = itertools.count()
    with hostile(answering(packed(3))) as address, pytest.raises(Silent):
        target(address, seconds=7, clock=lambda: next(moments))


@pytest.mark.parametrize("after", [b"", packed(3)[:4], packed(3)[:-1]])
def test_a_connection_that_is_closed_is_unreachable(after: bytes) -> None:
    """Before, or in the middle of, an answer."""
    assert isinstance(trouble(hanging_up(after=after)), Unreachable)


def test_where_nobody_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable, match=rf"tcp://127\.0\.0\.1:{port}.*[Rr]efused"):
        target(Address("127.0.0.1", port))


def test_names_are_not_looked_up() -> None:
    """A name server that is silent would outlast each deadline."""
    with pytest.raises(ValueError, match="scheduler"):
        Address("scheduler.default", 8786)


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_a_port_is_one(port: int) -> None:
    with pytest.raises(ValueError, match="not a port"):
        Address("127.0.0.1", port)


def test_a_scheduler_that_reads_nothing_is_silent() -> None:
    """What we say has the same deadline."""
    ended = threading.Event()

    def act(connected: socket.socket) -> None:
        connected.sendall(packed(HANDSHAKE))
        ended.wait(5)

    with hostile(act) as address:
        with pytest.raises(Silent), connect(address, seconds=0.2) as connection:
            retire(connection, ["x" * 20_000_000])
        ended.set()


def test_a_scheduler_behind_an_address_of_version_6_is_named_as_dask_does() -> None:
    assert str(Address("fd00::1", 8786)) == "tcp://[fd00::1]:8786"


def test_the_words_of_an_error_are_cut_and_harmless() -> None:
    """They end up in logs and on terminals."""
    words = "\x1b[2J\nTypeError: " + "x" * 10_000
    error = trouble(answering(packed({"status": "error", "exception_text": words})))
    assert isinstance(error, SchedulerError)
    assert "TypeError: xxx" in error.message
    assert len(error.message) < LONGEST_TEXT + 200


def test_after_an_answer_that_is_none_nothing_is_asked() -> None:
    """Where the next answer begins is unknown."""
    with hostile(answering(packed("OK"), packed(3))) as address, connect(address, seconds=5) as connection:
        with pytest.raises(Malformed):
            adaptive_target(connection, target_duration_seconds=5)
        with pytest.raises(Unreachable):
            adaptive_target(connection, target_duration_seconds=5)
