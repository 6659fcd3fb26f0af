"""The API's requests against servers that are not there: what is sent, what is told, and what is tried again."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kubecluster.api import path
from kubecluster.errors import KubeClusterError, RequestFailed, Unreachable
from tests.http.rawserver import OK, Connection, RawServer, answer, drip, send, silence
from tests.kubecluster.calls import BODY, CALLS, CLUSTER, CLUSTERS, POD, PODS, SERVED, Act, connected, refused
from tests.kubecluster.sockets import serving


def test_deleting_what_is_not_there_is_fine(tmp_path: Path) -> None:
    """What should be gone is gone."""
    with RawServer(refused(404, "not found")) as server, connected(tmp_path, server.url) as api:
        api.delete(CLUSTER)
    (request,) = server.received
    assert json.loads(request.body)["propagationPolicy"] == "Background"


@pytest.mark.parametrize("path", [PODS, CLUSTERS])
def test_a_path_without_a_name_is_never_asked_for_one_object(tmp_path: Path, path: str) -> None:
    """A deletion would take all of its kind: nothing is sent."""
    with RawServer() as server, connected(tmp_path, server.url) as api:
        for call in (lambda: api.get(path), lambda: api.patch(path, {}), lambda: api.delete(path)):
            with pytest.raises(ValueError, match="its name is missing"):
                call()
    assert server.received == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_question_is_asked_again_while_the_server_is_busy(tmp_path: Path, status: int) -> None:
    """A few failures of the server's do not show."""
    with RawServer(refused(status), refused(status), SERVED) as server, connected(tmp_path, server.url) as api:
        assert api.get(POD) == BODY
    assert len(server.received) == 3


def test_a_busy_server_is_given_the_time_it_asks_for(tmp_path: Path) -> None:
    """`Retry-After` is heeded, and one beyond the timeout ends the call at once."""
    busy = answer(b"{}", b"Retry-After: 1", first=b"HTTP/1.1 429 No\r\n")
    with RawServer(busy, SERVED) as server, connected(tmp_path, server.url) as api:
        started = time.monotonic()
        api.get(POD)
        assert time.monotonic() - started >= 1
    late = answer(b"{}", b"Retry-After: 100", first=b"HTTP/1.1 429 No\r\n")
    with RawServer(late) as server, connected(tmp_path, server.url) as api, pytest.raises(RequestFailed, match="429"):
        api.get(POD)
    assert len(server.received) == 1


@pytest.mark.parametrize("broken", [send(), send(OK, b"Content-Length: 100\r\n\r\n{"), send(b"\0\r\n\r\n")])
def test_a_question_is_asked_again_after_a_broken_connection(tmp_path: Path, broken: Act) -> None:
    """No answer, half an answer and no HTTP are as good as none."""
    with RawServer(broken, SERVED) as server, connected(tmp_path, server.url) as api:
        assert api.get(POD) == BODY


@pytest.mark.parametrize("call", ["create", "patch", "delete"])
@pytest.mark.parametrize("act", [send(), refused(503), refused(500), refused(429)])
def test_a_change_is_sent_once(tmp_path: Path, call: str, act: Act) -> None:
    """What may have been done already is not done again."""
    with RawServer(act) as server, connected(tmp_path, server.url) as api, pytest.raises(KubeClusterError):
        CALLS[call](api)
    assert len(server.received) == 1


def test_a_change_whose_answer_is_lost_may_have_been_made(tmp_path: Path) -> None:
    """The message says so, and does not when nothing can have been sent."""
    lost = pytest.raises(Unreachable, match="It may have been done all the same")
    with RawServer(send()) as server, connected(tmp_path, server.url) as api, lost:
        CALLS["create"](api)
    with connected(tmp_path, server.url) as api, pytest.raises(Unreachable) as caught:
        CALLS["create"](api)
    assert "It may have been done" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://127.0.0.1:1", "the connection is refused"),
        ("http://no-such-host.invalid", "its name is not known"),
    ],
)
def test_a_server_that_is_not_there_is_named(tmp_path: Path, url: str, what: str) -> None:
    """The error has the server's address, where it comes from, and what happened."""
    with connected(tmp_path, url) as api, pytest.raises(Unreachable) as caught:
        api.get(POD)
    assert f"{url} (context 'test' of {tmp_path / 'kubeconfig'}) cannot be reached: {what}" in str(caught.value)


@pytest.mark.parametrize("call", ["get", "create", "log"])
@pytest.mark.parametrize("act", [silence(), drip(OK + b"Content-Length: 100000\r\n\r\n", 0.1)], ids=["silent", "slow"])
def test_every_call_ends_in_time(tmp_path: Path, call: str, act: Act) -> None:
    """A server that says nothing, or takes for ever, is unreachable after the timeout."""
    with RawServer(act) as server, connected(tmp_path, server.url, timeout_seconds=0.5) as api:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="does not answer in time"):
            CALLS[call](api)
        assert time.monotonic() - started >= 0.5


def test_a_plain_server_at_an_https_address_is_told(tmp_path: Path) -> None:
    """TLS that does not come about is no silence."""
    plain = serving(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with plain as port, connected(tmp_path, f"https://127.0.0.1:{port}") as api, pytest.raises(Unreachable) as caught:
        api.create(PODS, {})
    assert "no TLS with it" in str(caught.value)
    assert "It may have been done" not in str(caught.value)


def test_what_is_sent_is_what_kubernetes_expects(tmp_path: Path) -> None:
    """Each call's method, path, query and content type."""
    with RawServer(answer(b'{"kind":"List","items":[],"status":{"allowed":true}}')) as server:
        with connected(tmp_path, server.url) as api:
            api.get(CLUSTER)
            api.list(PODS, labels="a=b", fields="c=d")
            api.create(CLUSTERS, BODY)
            api.patch(CLUSTER, {"spec": None})
            api.log("ns", "p", container="c", tail_lines=3, previous=True)
        sent = [(request.method, request.target, request.headers.get("content-type")) for request in server.received]
    manager = "fieldManager=dask-kubecluster"
    assert sent == [
        ("GET", CLUSTER, None),
        ("GET", f"{PODS}?labelSelector=a%3Db&fieldSelector=c%3Dd", None),
        ("POST", f"{CLUSTERS}?{manager}", "application/json"),
        ("PATCH", f"{CLUSTER}?{manager}", "application/merge-patch+json"),
        ("GET", "/api/v1/namespaces/ns/pods/p/log?container=c&tailLines=3&previous=true", None),
    ]
    assert {request.headers["user-agent"].partition("/")[0] for request in server.received} == {"dask-kubecluster"}


def test_what_the_server_warns_of_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A field that the server does not know is dropped by it with a warning, which people should see."""
    act = answer(json.dumps(BODY).encode(), b'Warning: 299 - "unknown field \\"spec.wroker\\""')
    with RawServer(act) as server, connected(tmp_path, server.url) as api:
        CALLS["create"](api)
    assert caplog.messages == ['create DaskCluster ns/big: unknown field "spec.wroker"']


def test_threads_share_a_connection(tmp_path: Path) -> None:
    """Each thread's answers are its own."""

    def mirrored(connection: Connection) -> bool:
        # What was sent is told apart by the sender's port: several threads are served at once.
        (mine,) = [one for one in connection.raw.received[::-1] if one.port == connection.client_address[1]][:1]
        return answer(json.dumps({"kind": "Pod", "name": mine.target}).encode())(connection)

    with RawServer(mirrored) as server, connected(tmp_path, server.url) as api, ThreadPoolExecutor(8) as pool:
        wanted = [path("pods", "default", f"p{number}", group="") for number in range(200)]
        bodies = list(pool.map(api.get, wanted))
    assert [body["name"] for body in bodies] == wanted


@pytest.mark.parametrize("text", ["", "eins\nzwei\n", "\N{SNOWMAN}"])
def test_a_log_is_its_text(tmp_path: Path, text: str) -> None:
    """A log is plain text, and may be empty."""
    with RawServer(answer(text.encode())) as server, connected(tmp_path, server.url) as api:
        assert api.log("ns", "p") == text


def test_importing_costs_no_kubernetes() -> None:
    """The `kubernetes` package, which takes long to import, waits until somebody connects."""
    program = "import sys, kubecluster.api, kubecluster.forward; sys.exit('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (path("daskclusters", "ns", "x"), "/apis/kubernetes.dask.org/v1/namespaces/ns/daskclusters/x"),
        (path("daskclusters", None), "/apis/kubernetes.dask.org/v1/daskclusters"),
        (path("pods", "ns", "x", group="", subresource="log"), "/api/v1/namespaces/ns/pods/x/log"),
        (path("namespaces", None, "x", group=""), "/api/v1/namespaces/x"),
        (path("pods", "a/b", "..", group=""), "/api/v1/namespaces/a%2Fb/pods/%2E%2E"),
    ],
)
def test_paths_are_those_of_kubernetes(found: str, expected: str) -> None:
    """Core resources are below /api, others below /apis with their group; names cannot lead elsewhere."""
    assert found == expected
