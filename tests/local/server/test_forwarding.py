"""Pods' ports over the connection to the server, by channels within a WebSocket; SPDY is kubectl's to try."""

import asyncio
import random

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from models.kinds import POD, Key
from reconciler.local.server import Server
from reconciler.memory import MemoryAPI
from tests.kubecluster.sockets import echo, serving
from tests.manifests import manifest, pod_spec

P = Key(POD, "default", "p")
PROTOCOL = Subprotocol("v4.channel.k8s.io")


@pytest.fixture(autouse=True)
def _pod(api: MemoryAPI) -> None:
    """A Pod that runs."""
    api.create(POD, {**manifest(POD, "p", pod_spec()), "metadata": {"name": "p", "namespace": "default"}})
    api.set_status(P, {"phase": "Running"})


def opened(server: Server, *ports: int, pod: str = "p") -> connect:
    place = server.url.replace("http", "ws")
    asked = "&".join(f"ports={port}" for port in ports)
    return connect(
        f"{place}/api/v1/namespaces/default/pods/{pod}/portforward?{asked}",
        additional_headers={"Authorization": f"Bearer {server.token}"},
        subprotocols=[PROTOCOL],
        max_size=None,
        proxy=None,
    )


async def greeted(connection: ClientConnection, *ports: int) -> None:
    """Take what comes first: the port, on each channel."""
    greetings = {bytes([channel]) + ports[channel // 2].to_bytes(2, "little") for channel in range(2 * len(ports))}
    assert {await connection.recv() for _ in greetings} == greetings


def test_bytes_go_there_and_back_on_the_channels_of_their_port(server: Server) -> None:
    """Several ports at once, in whatever pieces."""
    data = random.Random(0).randbytes(1 << 20)

    async def talk(one: int, another: int) -> None:
        async with opened(server, one, another) as connection:
            await greeted(connection, one, another)
            for start in range(0, len(data), 1 << 16):
                await connection.send(b"\2" + data[start : start + (1 << 16)])
            back = b""
            while len(back) < len(data):
                piece = await connection.recv()
                assert isinstance(piece, bytes)
                assert piece[0] == 2
                back += piece[1:]
            assert back == data
            await connection.send(b"\0ping")
            assert await connection.recv() == b"\0ping"

    with serving(echo) as one, serving(echo) as another:
        asyncio.run(talk(one, another))


def test_a_port_on_which_nobody_listens_is_told(server: Server) -> None:
    """On the channel of errors; then the connection ends."""

    async def talk(port: int) -> None:
        async with opened(server, port) as connection:
            await greeted(connection, port)
            told = await connection.recv()
            assert isinstance(told, bytes)
            assert told.startswith(b"\1error forwarding port")
            assert told.endswith(b"connection refused")
            assert [piece async for piece in connection] == []

    with serving(echo) as port:
        pass
    asyncio.run(talk(port))


def test_a_client_that_leaves_ends_the_connections(server: Server) -> None:
    """The Pod sees the end, and the server goes on."""
    ends: list[bytes] = []

    async def talk(port: int) -> None:
        async with opened(server, port) as connection:
            await greeted(connection, port)
            await connection.send(b"\0begin")
            await connection.recv()

    def handle(connection: object) -> None:
        ends.append(connection.recv(99))  # type: ignore[attr-defined]
        connection.sendall(b"x")  # type: ignore[attr-defined]
        ends.append(connection.recv(99))  # type: ignore[attr-defined]

    with serving(handle) as port:
        asyncio.run(talk(port))
    assert ends[0] == b"begin"


@pytest.mark.parametrize(("pod", "status"), [("nosuch", 404), ("p", 400)])
def test_a_pod_that_is_not_there_or_does_not_run_is_refused(
    server: Server, api: MemoryAPI, pod: str, status: int
) -> None:
    """Before anything is forwarded."""
    api.set_status(P, {"phase": "Pending"})

    async def talk() -> None:
        async with opened(server, 80, pod=pod):
            pass

    with pytest.raises(InvalidStatus) as caught:
        asyncio.run(talk())
    assert caught.value.response.status_code == status
