"""A proxy between the daemon and the API server that can close, fall silent and see each write."""

import base64
import json
import os
import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPResponse, HTTPSConnection, IncompleteRead
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


class Gate:
    """Hands requests on, as its switches say.

    Attributes:
        open: whether requests are handed on; if not, connections end without an answer.
        answering: if not, requests wait, and nobody says anything.
        answered: called when a write was carried out, before the answer is handed back, with method and path.
        reads: how many requests came that change nothing.
        writes: how many that do.
    """

    def __init__(self, server: str, authority: bytes) -> None:
        address = urlsplit(server)
        self._host, self._port = address.hostname or "", address.port or 443
        self._context = ssl.create_default_context(cadata=authority.decode())
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.open = threading.Event()
        self.open.set()
        self.answering = threading.Event()
        self.answering.set()
        self.answered: Callable[[str, str], None] = lambda _method, _path: None
        self.reads = 0
        self.writes = 0

    @classmethod
    @contextmanager
    def to(cls, kubeconfig: Path) -> Iterator["Gate"]:
        """A gate before the API server of a kubeconfig."""
        cluster = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]
        gate = cls(cluster["server"], base64.b64decode(cluster["certificate-authority-data"]))
        thread = threading.Thread(target=gate._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield gate
        finally:
            gate.answering.set()
            gate._server.shutdown()
            gate._server.server_close()
            thread.join()

    def kubeconfig_like(self, kubeconfig: Path) -> Path:
        """The same kubeconfig, but through the gate."""
        config = json.loads(kubeconfig.read_text())
        config["clusters"][0]["cluster"] = {"server": self.url}
        path = kubeconfig.with_name(f"gate-{self._server.server_port}.kubeconfig")
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return path

    def kill_at_answer(self, pid: int) -> None:
        """Have a process killed when its next write has been carried out, before it hears of it."""

        def kill(_method: str, _path: str) -> None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        self.answered = kill

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                self.upstream = HTTPSConnection(gate._host, gate._port, context=gate._context, timeout=60)

            def finish(self) -> None:
                self.upstream.close()
                with suppress(OSError):
                    super().finish()

            def _hand_on(self) -> None:
                try:
                    gate._hand_on(self, self.upstream)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _hand_on  # noqa: N815 -- the base class calls them so

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class calls it so
                """Tests are told by the daemon what it asked."""

        return Handler

    def _hand_on(self, handler: BaseHTTPRequestHandler, upstream: HTTPSConnection) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.answering.wait()
        if not self.open.is_set():
            raise ConnectionAbortedError("the gate is closed")
        is_write = handler.command != "GET"
        if is_write:
            self.writes += 1
        else:
            self.reads += 1
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in {*HOP, "host"}}
        upstream.request(handler.command, handler.path, body=body or None, headers=headers)
        answer = upstream.getresponse()
        if "watch=" in handler.path and answer.status == HTTPStatus.OK:
            self._stream(handler, answer)
            return
        payload = answer.read()
        if is_write:
            self.answered(handler.command, handler.path)
        _answer(handler, answer, payload)

    def _stream(self, handler: BaseHTTPRequestHandler, answer: HTTPResponse) -> None:
        """Hand on what a watch tells, as it comes, for as long as both sides and the gate let it."""
        handler.close_connection = True
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.getheader("Content-Type", ""))
        handler.end_headers()
        with suppress(IncompleteRead):
            while some := answer.read1():
                self.answering.wait()
                if not self.open.is_set():
                    raise ConnectionAbortedError("the gate is closed")
                handler.wfile.write(some)


def _answer(handler: Any, answer: HTTPResponse, payload: bytes) -> None:
    handler.send_response(answer.status)
    for name, value in answer.getheaders():
        if name.lower() not in HOP:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(payload)))
    handler.end_headers()
    handler.wfile.write(payload)
