"""An API server that has Pods and forwards their ports, as small as that can be."""

import asyncio
import json
import ssl
import threading
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.kubecluster.sockets import TURNS

PROTOCOL = "v4.channel.k8s.io"
CHUNK = 32 << 10  # as the kubelet's


class FakePods:
    """Serves Pods' ports over WebSockets while it is entered; a port of a Pod is a TCP port on this machine.

    Attributes:
        url: where it is.
        pods: by the Pod's name, by its ports, the TCP ports that they lead to.
        refusals: statuses and messages with which the next requests are refused.
        asked: the paths that were asked for, in order.
        tokens: what the requests were authenticated with.
        pings: how many pings came.
        sent: how many bytes the WebSockets took for the local side.

    Args:
        tls: with what it serves; plain HTTP by default.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pods: dict[str, dict[int, int]] = {}
        self.refusals: list[tuple[int, str]] = []
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.pings = 0
        self.sent = 0
        self._tls = tls
        self._websockets = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def connections(self) -> int:
        """How many WebSockets are open."""
        return self._websockets

    def cut(self) -> None:
        """End all connections as a network does."""
        self._loop.call_soon_threadsafe(self._cut)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._runner = web.AppRunner(self._application(), shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._ready.set()
        await self._over.wait()
        await site.stop()
        # A transport that is only closed waits for whoever is to read what is left, and outlives the loop; and what was
        # accepted at the last moment has its transport a few turns of the loop later.
        for _ in range(TURNS):
            await asyncio.sleep(0)
            self._cut()
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/namespaces/{namespace}/pods/{pod}/portforward", self._forward)
        app.router.add_get("/api/v1/namespaces/{namespace}/pods/{pod}", self._pod)
        return app

    def _cut(self) -> None:
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    def _refusal(self, request: web.Request) -> web.Response | None:
        self.asked.append(request.path_qs)
        self.tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if self.refusals:
            return _status(*self.refusals.pop(0))
        pod = request.match_info["pod"]
        return None if pod in self.pods else _status(404, f'pods "{pod}" not found')

    async def _pod(self, request: web.Request) -> web.Response:
        pod = request.match_info["pod"]
        ports = [{"name": f"port-{number}", "containerPort": number} for number in self.pods.get(pod, ())]
        body = {"kind": "Pod", "metadata": {"name": pod}, "spec": {"containers": [{"name": "main", "ports": ports}]}}
        return self._refusal(request) or web.json_response(body)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        port = int(request.query["ports"])
        websocket = web.WebSocketResponse(protocols=[PROTOCOL], autoping=False, max_msg_size=0, timeout=1)
        await websocket.prepare(request)
        self._websockets += 1
        try:
            for channel in (b"\0", b"\1"):
                await websocket.send_bytes(channel + port.to_bytes(2, "little"))
            await self._carry(websocket, self.pods[request.match_info["pod"]].get(port), port)
            await websocket.close()
        finally:
            self._websockets -= 1
        return websocket

    async def _carry(self, websocket: web.WebSocketResponse, behind: int | None, port: int) -> None:
        if behind is None:
            await websocket.send_bytes(b"\1" + f"error forwarding port {port}: connection refused".encode())
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", behind)
        pumps = [asyncio.create_task(self._up(websocket, writer)), asyncio.create_task(self._down(websocket, reader))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(pumps, timeout=1)  # as container runtimes do
        finally:
            for pump in pumps:
                pump.cancel()
            writer.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _up(self, websocket: web.WebSocketResponse, writer: asyncio.StreamWriter) -> None:
        async for message in websocket:
            if message.type is WSMsgType.PING:
                self.pings += 1
                await websocket.pong(message.data)
            elif message.data:
                assert message.data[0] == 0
                writer.write(message.data[1:])
                await writer.drain()
        writer.write_eof()

    async def _down(self, websocket: web.WebSocketResponse, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(CHUNK):
            await websocket.send_bytes(b"\0" + data)
            self.sent += len(data)


def _status(code: int, message: str) -> web.Response:
    reasons = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}
    body: dict[str, Any] = {"kind": "Status", "code": code, "message": message, "reason": reasons.get(code, "")}
    return web.Response(body=json.dumps(body), status=code, content_type="application/json")
