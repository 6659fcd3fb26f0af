"""An object that is read by name, and what is said if that fails: it may be secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kmock
import pytest

from models.kinds import SECRET, Key
from reconciler.api import HTTPAPI, Exchange
from reconciler.wire.errors import Forbidden, NotFound, Unavailable
from tests.http.connection import connected, kubeconfig
from tests.http.mockserver import MockServer
from tests.http.test_requests import Emulated, asked, thing

KEY = Key(SECRET, "default", "dask-tls")
PATH = "/api/v1/namespaces/default/secrets"
HIDDEN = "c2VzYW1l"


@pytest.fixture
def server() -> Iterator[Emulated]:
    with MockServer(kmock.KubernetesEmulator()) as server:
        yield server


@pytest.fixture
def exchanges() -> list[Exchange]:
    return []


@pytest.fixture
def api(server: Emulated, tmp_path: Path, exchanges: list[Exchange]) -> Iterator[HTTPAPI]:
    with connected(kubeconfig(tmp_path / "config", server.url), observe=exchanges.append) as api:
        yield api


def test_an_object_is_read_by_its_name(server: Emulated, api: HTTPAPI, exchanges: list[Exchange]) -> None:
    """One request, which is counted."""
    body = thing(SECRET, "dask-tls", data={"tls.key": HIDDEN})
    server.handler[f"get {PATH}/dask-tls"] << body
    assert api.get(KEY) == body
    request = asked(server)
    assert (request.method, request.url.path) == (kmock.method.GET, f"{PATH}/dask-tls")
    assert [(one.verb, one.resource, one.code) for one in exchanges] == [("GET", "secrets", "200")]


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (403, {"kind": "Status", "reason": "Forbidden", "message": "no"}, Forbidden),
        (404, {"kind": "Status", "reason": "NotFound", "message": "none"}, NotFound),
        (200, [HIDDEN], Unavailable),
        (200, {"data": {"tls.key": HIDDEN}}, Unavailable),
    ],
)
def test_what_cannot_be_read_is_an_error_without_what_came(
    status: int, answer: Any, error: type[Exception], server: Emulated, api: HTTPAPI
) -> None:
    """Half a Secret in a log would be one that is told."""
    server.handler[f"get {PATH}/dask-tls"] << status << answer
    with pytest.raises(error) as caught:
        api.get(KEY)
    assert HIDDEN not in str(caught.value)
