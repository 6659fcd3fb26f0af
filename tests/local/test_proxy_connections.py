"""Connections through the proxy: every byte arrives, ends are passed on, and nobody is in anybody's way."""

import hashlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.local.stage import NAMESPACE, SECONDS, Answer, Stage, local, said
from tests.realcluster.eventually import eventually

MEGABYTE = 1 << 20
PORT = 7081


def serving(stage: Stage, answer: Answer) -> None:
    """Let one Pod answer for the Service `web`."""
    stage.service("web", {"port": PORT})
    stage.pod("one", "web")
    stage.serve("one", PORT, answer)
    stage.update()


def echo(connection: socket.socket) -> None:
    """Say what is heard, until its end."""
    while heard := connection.recv(1 << 16):
        connection.sendall(heard)


def asked(connection: socket.socket, words: bytes) -> bytes:
    """What an echo answers."""
    connection.sendall(words)
    answer = b""
    while len(answer) < len(words) and (heard := connection.recv(len(words))):
        answer += heard
    return answer


def test_an_end_is_passed_on_and_the_other_direction_goes_on(stage: Stage) -> None:
    """A client that has said all still hears the answer."""
    serving(stage, lambda connection: connection.sendall(said_so_far(connection)[::-1]))
    client = stage.connect("web", PORT)
    client.sendall(b"abc")
    client.shutdown(socket.SHUT_WR)
    assert said(client) == "cba"


def said_so_far(connection: socket.socket) -> bytes:
    """All that comes until the other side has said all."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_a_pod_that_has_said_all_still_listens(stage: Stage) -> None:
    """The other way round as well."""
    heard = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        heard.append(said_so_far(connection))
        done.set()

    done = threading.Event()
    serving(stage, answer)
    client = stage.connect("web", PORT)
    assert said_so_far(client) == b"bye"
    with client:
        client.sendall(b"I heard you")
    assert done.wait(SECONDS)
    assert heard == [b"I heard you"]


def test_64_megabytes_arrive_intact_in_both_directions_at_once(stage: Stage) -> None:
    """Neither waits for the other."""
    there, back = (random.Random(seed).randbytes(MEGABYTE) for seed in (1, 2))
    received: dict[str, str] = {}

    def answer(connection: socket.socket) -> None:
        sender = threading.Thread(target=send, args=(connection, back))
        sender.start()
        received["there"] = digest(connection)
        sender.join()

    serving(stage, answer)
    with stage.connect("web", PORT) as client:
        sender = threading.Thread(target=send, args=(client, there))
        sender.start()
        received["back"] = digest(client)
        sender.join()
    eventually(lambda: len(received) == 2, "the Pod's digest")
    assert received == {
        name: hashlib.sha256(block * 64).hexdigest() for name, block in (("there", there), ("back", back))
    }


def send(connection: socket.socket, block: bytes) -> None:
    """Say a block 64 times, and no more."""
    for _ in range(64):
        connection.sendall(block)
    connection.shutdown(socket.SHUT_WR)


def digest(connection: socket.socket) -> str:
    """A hash of all that comes."""
    found = hashlib.sha256()
    while heard := connection.recv(1 << 18):
        found.update(heard)
    return found.hexdigest()


def test_200_connections_are_open_at_once(stage: Stage) -> None:
    """Each gets its own answers."""
    serving(stage, echo)
    forward = stage.proxy.forward(NAMESPACE, "web")[0]
    with ThreadPoolExecutor(50) as pool:
        clients = [
            *pool.map(lambda _: stage.connect("web", PORT), range(100)),
            *pool.map(lambda _: local(forward.local_port), range(100)),
        ]
        for turn in range(3):
            words = [f"{turn}/{number}".encode() for number in range(200)]
            assert [*pool.map(asked, clients, words)] == words
    for client in clients:
        client.close()


def test_connections_that_are_over_leave_nothing(stage: Stage) -> None:
    """Whichever side ended them, and whether or not somebody answered."""
    serving(stage, echo)
    stage.service("idle", {"port": PORT})
    stage.pod("two", "idle")
    stage.serve("two", PORT, echo)
    stage.update()
    port = stage.proxy.forward(NAMESPACE, "idle")[0].local_port
    stage.remove("two")
    stage.update()
    before = open_files()
    for _ in range(20):
        with stage.connect("web", PORT) as client, local(port):
            assert asked(client, b"hello") == b"hello"
    eventually(lambda: open_files() <= before, "the end of all sockets")


def open_files() -> int:
    """How many this process has."""
    return len([*Path("/dev/fd").iterdir()])


def test_a_connection_outlives_every_update_that_leaves_its_pod_alone(stage: Stage) -> None:
    """Other Services, other Pods, a Pod that is not ready for a while, and even its own Service's end."""
    serving(stage, echo)
    with stage.connect("web", PORT) as client:
        stage.service("other", {"port": PORT})
        stage.pod("two", "web")
        stage.serve("two", PORT, echo)
        stage.update()
        assert asked(client, b"two Pods") == b"two Pods"
        stage.remove("two")
        stage.make_ready("one", ready=False)
        stage.update()
        assert asked(client, b"none ready") == b"none ready"
        stage.services.clear()
        stage.update()
        assert asked(client, b"no Service") == b"no Service"


def test_when_a_pod_dies_its_connections_end(stage: Stage) -> None:
    """And those of another Pod go on."""
    serving(stage, echo)
    client = stage.connect("web", PORT)
    assert asked(client, b"first") == b"first"
    stage.pod("two", "web")
    stage.serve("two", PORT, echo)
    del stage.pods["one"]["metadata"]["labels"]
    stage.update()
    with stage.connect("web", PORT) as other:
        assert asked(other, b"second") == b"second"
        stage.remove("one")
        stage.update()
        assert said(client) == ""
        assert asked(other, b"third") == b"third"


@pytest.mark.parametrize("by_pod", [True, False], ids=["of the Pod", "of the client"])
def test_a_reset_is_passed_on_as_one(stage: Stage, caplog: pytest.LogCaptureFixture, *, by_pod: bool) -> None:
    """An answer that was cut off does not look as if it had ended; nothing is logged."""
    felt: list[type[OSError]] = []
    done = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(connection.recv(1))
        if by_pod:
            connection.recv(1)
            reset(connection)
            return
        try:
            connection.recv(1)
        except OSError as error:
            felt.append(type(error))
        done.set()

    serving(stage, answer)
    with stage.connect("web", PORT) as client:
        assert asked(client, b"!") == b"!"
        if by_pod:
            client.sendall(b".")
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        else:
            reset(client)
            assert done.wait(SECONDS)
            assert felt == [ConnectionResetError]
    assert caplog.records == []


def reset(connection: socket.socket) -> None:
    """End a connection as if something had gone wrong."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_who_sends_to_a_pod_that_does_not_read_is_held_up(stage: Stage) -> None:
    """What is not read is not gathered; others are served meanwhile, and all of it arrives once it is read."""
    reading = threading.Event()
    counted: list[int] = []

    def answer(connection: socket.socket) -> None:
        reading.wait(SECONDS)
        counted.append(sum(iter(lambda: len(connection.recv(1 << 18)), 0)))

    serving(stage, answer)
    stage.service("echo", {"port": PORT})
    stage.pod("two", "echo")
    stage.serve("two", PORT, echo)
    stage.update()
    with stage.connect("web", PORT) as client:
        client.settimeout(1)
        sent = sum(sends(client, 128 * MEGABYTE))
        assert sent < 64 * MEGABYTE
        with stage.connect("echo", PORT) as other:
            assert asked(other, b"still there?") == b"still there?"
        reading.set()
        client.settimeout(SECONDS)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert counted == [sent]


def sends(connection: socket.socket, most: int) -> Iterator[int]:
    """How much is taken each time, until the connection takes no more for as long as its timeout says."""
    with suppress(TimeoutError):
        for _ in range(most // MEGABYTE):
            yield connection.send(bytes(MEGABYTE))
