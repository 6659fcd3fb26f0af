"""What becomes of a request when the connection, the server or what stands between fails."""

import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from models.kinds import POD
from reconciler.api import HTTPAPI
from reconciler.wire.errors import ApiError, ServerError, TooManyRequests, Unavailable, UnknownOutcome, Unreachable
from reconciler.wire.protocol import Reply
from tests.http.connection import TOKEN, connected, kubeconfig
from tests.http.rawserver import CHUNKED, OK, Act, RawServer, answer, drip, send, silence
from tests.http.samples import LIST, OBJECT, REQUESTS, WRITES

BROKEN: dict[str, Act] = {
    "no answer": send(),
    "no HTTP": send(b"\x00\x01 lorem ipsum\r\n\r\n"),
    "half a status line": send(b"HTTP/1.1 2"),
    "half a header": send(OK, b"Content-Le"),
    "half a body": send(OK, b"Content-Length: %d\r\n\r\n" % len(LIST), LIST[:50]),
    "a body that is shorter than said": send(OK, b"Content-Length: %d\r\n\r\n" % (len(LIST) + 1), LIST),
    "a body that is longer than said": send(OK, b"Content-Length: 60\r\n\r\n", LIST),
    "half a chunk": send(OK, CHUNKED, b"%x\r\n" % len(LIST), LIST[:50]),
    "no last chunk": send(OK, CHUNKED, b"%x\r\n" % len(LIST), LIST, b"\r\n"),
    "a chunk without a length": send(OK, CHUNKED, b"lorem\r\n", LIST),
    "half a body of unknown length": send(OK, b"Connection: close\r\n\r\n", LIST[:50]),
    "two lengths": send(OK, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", LIST),
    "half a gzip": send(OK, b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n", gzip.compress(LIST)[:-9]),
    "a gzip that is none": answer(LIST, b"Content-Encoding: gzip"),
    "an unknown encoding": answer(b"\x8b\x02\x80", b"Content-Encoding: br"),
    "a proxy's page": answer(b"<html>Log in</html>", first=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
    "nothing": answer(b""),
    "too many headers": send(OK, b"X: y\r\n" * 200, b"\r\n"),
    "a header without end": send(OK, b"X: " + b"y" * 70_000),
}


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_without_a_whole_answer_has_an_unknown_outcome(
    tmp_path: Path, fault: Act, write: Callable[[HTTPAPI], Reply]
) -> None:
    """The request arrived, once, and what came back says nothing: the outcome is unknown, and nothing is repeated."""
    with (
        RawServer(fault) as server,
        connected(kubeconfig(tmp_path / "config", server.url)) as api,
        pytest.raises(UnknownOutcome),
    ):
        write(api)
    assert len(server.received) == 1


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_a_list_without_a_whole_answer_is_unavailable(tmp_path: Path, fault: Act) -> None:
    """Reading changes nothing, so its outcome is never unknown; it is not repeated either, and never an empty list."""
    with (
        RawServer(fault) as server,
        connected(kubeconfig(tmp_path / "config", server.url)) as api,
        pytest.raises(Unavailable),
    ):
        api.list(POD, None)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("fault", "patience", "words"),
    [
        (silence(), 0.2, "was silent for 0.2 s"),
        (silence(b"HTTP/1.1 200"), 0.2, "was silent for 0.2 s"),
        (silence(OK, b"Content-Length: 100\r\n\r\n", b"{"), 0.2, "was silent for 0.2 s"),
        (drip(OK + b"Content-Length: 1000000\r\n\r\n", 0.02), 10, "was not whole after 0.3 s"),
        (drip(OK + b"\r\n", 0.02), 10, "was not whole after 0.3 s"),
    ],
)
def test_a_server_that_dawdles_is_given_up(tmp_path: Path, fault: Act, patience: float, words: str) -> None:
    """Silence ends after the read timeout, an answer that trickles in after the total one, whatever the request."""
    with (
        RawServer(fault) as server,
        connected(
            kubeconfig(tmp_path / "config", server.url), read_timeout_seconds=patience, total_timeout_seconds=0.3
        ) as api,
    ):
        with pytest.raises(Unavailable, match=words):
            api.list(POD, None)
        with pytest.raises(UnknownOutcome, match=words):
            api.create(POD, OBJECT)
    assert len(server.received) == 2


def test_a_request_that_never_left_is_told_from_one_whose_outcome_is_unknown(tmp_path: Path) -> None:
    """A refused connection and an unknown name are `Unreachable`, for writes too."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for url, words in ((refused, "refused"), ("http://api.invalid:6443", "api.invalid:6443")):
            with connected(kubeconfig(tmp_path / "config", url)) as api:
                for request in REQUESTS.values():
                    with pytest.raises(Unreachable, match=words):
                        request(api)


def certificate(folder: Path) -> ssl.SSLContext:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test"
    files = ("-keyout", str(folder / "key"), "-out", str(folder / "certificate"))
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", *files], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context


def test_a_server_with_a_wrong_certificate_gets_no_request(tmp_path: Path) -> None:
    """A certificate that nobody vouches for ends it before anything is sent, the token least of all."""
    context = certificate(tmp_path)
    seen: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _address = listener.accept()
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as encrypted:
                        seen.append(encrypted.recv(1000))
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with connected(kubeconfig(tmp_path / "config", url)) as api:
            with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
                api.list(POD, None)
            with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
                api.create(POD, OBJECT)
        thread.join()
    assert not any(seen)


@pytest.mark.parametrize("status", [429, 503])
def test_the_client_neither_repeats_nor_sleeps(tmp_path: Path, status: int) -> None:
    """An answer with Retry-After comes back at once, after one request, whatever its verb."""
    refusal = answer(b"later", b"Retry-After: 60", first=b"HTTP/1.1 %d Later\r\n" % status)
    with RawServer(refusal) as server, connected(kubeconfig(tmp_path / "config", server.url)) as api:
        started = time.monotonic()
        for request in REQUESTS.values():
            with pytest.raises((TooManyRequests, ServerError)) as caught:
                request(api)
            assert caught.value.retry_after_seconds == 60
        assert time.monotonic() - started < 5
    assert len(server.received) == len(REQUESTS)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(tmp_path: Path, status: int) -> None:
    """Nobody but the API server gets our token: a redirect is the error of whatever sent it."""
    with RawServer(answer(LIST)) as elsewhere:
        moved = answer(b"", b"Location: " + elsewhere.url.encode(), first=b"HTTP/1.1 %d Moved\r\n" % status)
        with RawServer(moved) as server, connected(kubeconfig(tmp_path / "config", server.url)) as api:
            for request in REQUESTS.values():
                with pytest.raises(ServerError):
                    request(api)
        assert elsewhere.received == []


def test_after_a_fault_the_next_request_works(tmp_path: Path) -> None:
    """A broken connection is thrown away, so that its rest is not taken for the next answer."""
    faults = [*BROKEN.values()]
    script = [act for fault in faults for act in (fault, answer(LIST))]
    with RawServer(*script) as server, connected(kubeconfig(tmp_path / "config", server.url)) as api:
        for _ in faults:
            with pytest.raises(Unavailable):
                api.list(POD, None)
            assert api.list(POD, None) == LIST


def test_no_error_holds_the_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither messages nor logs, at their most talkative, show what we prove ourselves with."""
    caplog.set_level("DEBUG")
    errors: list[ApiError] = []
    with RawServer(*BROKEN.values()) as server, connected(kubeconfig(tmp_path / "config", server.url)) as api:
        for _ in BROKEN:
            with pytest.raises(ApiError) as caught:
                api.list(POD, None)
            errors.append(caught.value)
    assert all(request.headers["authorization"] == f"Bearer {TOKEN}" for request in server.received)
    assert TOKEN not in repr([(error, error.__cause__, error.__context__) for error in errors])
    assert TOKEN not in caplog.text
