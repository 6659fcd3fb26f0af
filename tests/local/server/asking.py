"""A client of the server of `dask-reconciler local` that shows what really comes over the connection."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

from reconciler.local.server import Server

SECONDS = 20
DASK = "/apis/kubernetes.dask.org/v1/namespaces/default"
CORE = "/api/v1/namespaces/default"
MERGE = "application/merge-patch+json"


class Asking:
    """A client.

    Args:
        server: What is asked.
        token: With which token; the server's own by default.
    """

    def __init__(self, server: Server, token: str | None = None) -> None:
        host, _, port = server.url.rpartition("/")[2].partition(":")
        self._place = (host, int(port))
        self._token = server.token if token is None else token
        self._connections: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """End all connections."""
        for connection in self._connections:
            connection.close()

    def __call__(
        self, method: str, path: str, sent: Any = None, *, type_: str = "application/json", accept: str = "*/*"
    ) -> tuple[int, Any, list[str]]:
        """Status, body and warnings of an answer."""
        response = self._response(method, path, sent, type_, accept)
        text = response.read().decode()
        is_json = (response.getheader("Content-Type") or "").startswith("application/json")
        return response.status, json.loads(text) if is_json else text, response.headers.get_all("Warning") or []

    def done(
        self, method: str, path: str, sent: Any = None, *, type_: str = "application/json", accept: str = "*/*"
    ) -> Any:
        """The body of an answer that is no refusal."""
        status, body, _ = self(method, path, sent, type_=type_, accept=accept)
        assert status < 400, body
        return body

    def lines(self, path: str, accept: str = "application/json") -> Iterator[Any]:
        """The lines of a watch, as they come."""
        response = self._response("GET", path, None, "application/json", accept)
        assert response.status == 200, response.read()
        while line := response.readline():
            yield json.loads(line)

    def text(self, path: str) -> http.client.HTTPResponse:
        """An answer that is not read yet."""
        return self._response("GET", path, None, "", "*/*")

    def _response(self, method: str, path: str, sent: Any, type_: str, accept: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(*self._place, timeout=SECONDS)
        self._connections.append(connection)  # it is closed with the client
        body = None if sent is None else sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": type_, "Accept": accept}
        connection.request(method, path, body, headers)
        return connection.getresponse()
