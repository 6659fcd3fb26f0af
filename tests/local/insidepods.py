"""Pods that are real Python processes on one Network; nothing but their environment makes them Pods."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from reconciler.local.containers import programs
from reconciler.local.network.addresses import Network

INSIDE = Path(programs.__file__).with_name("inside")
PORT = 8786

PRELUDE = """
import errno, json, os, socket, subprocess, sys

def reach(host, port=8786):
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        return connection.makefile().read().split()[-1]

def outcome(function, *arguments):
    try:
        return function(*arguments)
    except OSError as error:
        return type(error).__name__ if isinstance(error, socket.gaierror) else errno.errorcode[error.errno]

def listener(port=8786, family=socket.AF_INET, host=""):
    server = socket.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    return server
"""
"""`reach` tells who answers: the last word of what servers say is their Pod's name. `outcome` tells an error's name."""

BY_SOCKET = """
import json, socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("{host}", {port}))
server.listen()
print(json.dumps(server.getsockname()))
while True:
    connection, _ = server.accept()
    connection.recv(100)
    connection.sendall(socket.gethostname().encode())
    connection.close()
"""
BY_HTTP_SERVER = """
import json, socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(socket.gethostname().encode())
server = ThreadingHTTPServer(("", 8786), Handler)
print(json.dumps(server.socket.getsockname()))
server.serve_forever()
"""
BY_ASYNCIO = """
import asyncio, json, socket
async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(socket.gethostname().encode())
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(answer, {host}, 8786)
    [listener] = server.sockets
    print(json.dumps(listener.getsockname()))
    await server.serve_forever()
asyncio.run(main())
"""
BY_TORNADO = """
import asyncio, json, socket
from tornado.tcpserver import TCPServer
class Server(TCPServer):
    async def handle_stream(self, stream, address):
        await stream.read_until(b"\\r\\n\\r\\n")
        await stream.write(socket.gethostname().encode())
        stream.close()
async def main():
    server = Server()
    server.listen(8786)
    [listener] = server._sockets.values()
    print(json.dumps(listener.getsockname()))
    await asyncio.Event().wait()
asyncio.run(main())
"""
SERVERS = {
    "socket, no host": BY_SOCKET.format(host="", port=PORT),
    "socket, any address": BY_SOCKET.format(host="0.0.0.0", port=PORT),
    "socket, localhost": BY_SOCKET.format(host="localhost", port=PORT),
    "socket, address outside": BY_SOCKET.format(host="192.0.2.77", port=PORT),
    "http.server": BY_HTTP_SERVER,
    "asyncio, no host": BY_ASYNCIO.format(host=None),
    "asyncio, any address": BY_ASYNCIO.format(host="'0.0.0.0'"),
    "tornado": BY_TORNADO,
}
"""Programs that listen on port 8786, print as what, and tell their host's name to whoever sends them a request."""


@dataclass(frozen=True)
class Pod:
    """A Pod's place.

    Args:
        network: The run's network.
        name: Its name, and that of the Service which leads to it.
        namespace: Where.
        address: Its address.
        more: Further environment of its container.
    """

    network: Network
    name: str
    namespace: str
    address: str
    more: dict[str, str] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The name of the Service that leads to it."""
        return f"{self.name}-service"

    def environment(self) -> dict[str, str]:
        """What its processes find."""
        own = self.network.environment(self.namespace, self.name, self.address)
        path = programs.search_path(self.network.run / "bin", os.environ["PATH"])
        return {**os.environ, **own, "PYTHONPATH": str(INSIDE), "PATH": path, **self.more}

    def run(self, code: str) -> Any:
        """What a Python program in it leaves in `result`, after the prelude."""
        program = f"{PRELUDE}{dedent(code)}\nprint(json.dumps(result))"
        command = [sys.executable, "-c", program]
        done = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, check=False, timeout=100, cwd="/"
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def server(self, code: str) -> Iterator[Any]:
        """A Python program in it, once it has printed a line of JSON; gives that."""
        command = [sys.executable, "-u", "-c", code]
        with subprocess.Popen(command, env=self.environment(), stdout=subprocess.PIPE, text=True, cwd="/") as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())
            finally:
                process.kill()

    @contextmanager
    def started(self, *command: str) -> Iterator[Path]:
        """A program in it, and all that it starts, while it lasts; gives the file with its output."""
        log = self.network.run / f"{self.name}.log"
        with (
            log.open("w") as file,
            subprocess.Popen(
                command, env=self.environment(), stdout=file, stderr=file, cwd=log.parent, start_new_session=True
            ) as process,
        ):
            try:
                yield log
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def pods(network: Network, *names: str, **more: str) -> tuple[Pod, ...]:
    """Pods of the namespace `shop`, each with a Service that leads straight to it."""
    made = tuple(Pod(network, name, "shop", network.address(), more) for name in names)
    for pod in made:
        network.name(pod.namespace, pod.service, pod.address)
    return made
