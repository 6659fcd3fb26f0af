"""A watch over HTTP: what is asked, what arrives, and how it ends."""

import json
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from models.kinds import DASK_JOB, POD, Key
from reconciler.api import HTTPAPI, Exchange
from reconciler.wire.errors import ApiError, Forbidden, Gone, ServerError, TooManyRequests, Unavailable, Unreachable
from reconciler.wire.protocol import EventType, Watch, WatchEvent
from tests.http.connection import connected, kubeconfig
from tests.http.rawserver import CHUNKED, OK, Act, RawServer, answer, send, silence
from tests.http.samples import LIST


def line(type_: str = "ADDED", name: str = "p", **metadata: Any) -> bytes:
    """One event, as the API server writes it."""
    meta = {"name": name, "namespace": "default", "uid": "u", "resourceVersion": "7", **metadata}
    obj = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
    return json.dumps({"type": type_, "object": obj}).encode() + b"\n"


def failure(status: dict[str, Any]) -> bytes:
    """An event that says why the watch ends."""
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def chunks(*parts: bytes, last: bytes = b"0\r\n\r\n") -> list[bytes]:
    """The parts as an answer in chunks."""
    return [OK + CHUNKED, *(b"%x\r\n%s\r\n" % (len(part), part) for part in parts), last]


def watched(api: HTTPAPI) -> Watch:
    return api.watch(POD, None, version="5", timeout_seconds=60)


def events(tmp_path: Path, *acts: Act, **manner: Any) -> list[WatchEvent]:
    """All that a watch of a server with that script tells."""
    with RawServer(*acts) as server, connected(kubeconfig(tmp_path / "config", server.url), **manner) as api:
        return list(watched(api))


def test_only_metadata_is_asked_for(tmp_path: Path) -> None:
    """A watch transfers no spec and no status, sends bookmarks, and ends when the server says."""
    told: list[Exchange] = []
    with (
        RawServer(send(*chunks())) as server,
        connected(kubeconfig(tmp_path / "config", server.url), observe=told.append) as api,
    ):
        list(api.watch(DASK_JOB, "here", version="12", labels="a=b", timeout_seconds=300))
    (received,) = server.received
    asked = urlsplit(received.target)
    assert (received.method, asked.path) == ("GET", "/apis/kubernetes.dask.org/v1/namespaces/here/daskjobs")
    assert parse_qs(asked.query) == {
        "watch": ["true"],
        "allowWatchBookmarks": ["true"],
        "resourceVersion": ["12"],
        "timeoutSeconds": ["300"],
        "labelSelector": ["a=b"],
    }
    assert received.headers["accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    assert [(one.verb, one.resource, one.code) for one in told] == [("WATCH", "daskjobs", "200")]


def test_events_are_read_however_they_are_cut(tmp_path: Path) -> None:
    """A chunk may hold several events, or a part of one."""
    owner = {"apiVersion": "v1", "kind": "ReplicaSet", "name": "r", "uid": "o", "controller": True}
    whole = line(labels={"a": "b"}, ownerReferences=[owner]) + line("DELETED", "q")
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","creationTimestamp":null}}}\n'
    first, second, last = events(tmp_path, send(*chunks(whole[:10], whole[10:-5], whole[-5:], bookmark)))
    assert (first.type, first.key, first.uid, first.resource_version) == (
        EventType.ADDED,
        Key(POD, "default", "p"),
        "u",
        "7",
    )
    assert first.labels == {"a": "b"}
    assert first.controller is not None
    assert (first.controller.kind, first.controller.name) == ("ReplicaSet", "r")
    assert (second.type, second.key.name) == (EventType.DELETED, "q")
    assert last == WatchEvent(EventType.BOOKMARK, Key(POD, "", ""), "9")


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [(410, "Expired", Gone), (403, "Forbidden", Forbidden), (429, "", TooManyRequests), (500, "", ServerError)],
)
@pytest.mark.parametrize("place", ["head", "event"])
def test_a_refusal_is_the_same_error_wherever_it_stands(
    tmp_path: Path, place: str, code: int, reason: str, expected: type[ApiError]
) -> None:
    """The API server refuses a watch by a status, or by an event in a stream that has begun."""
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "because"}
    body |= {"details": {"retryAfterSeconds": 3}}
    head = answer(json.dumps(body).encode(), first=b"HTTP/1.1 %d No\r\nContent-Type: application/json\r\n" % code)
    with pytest.raises(expected, match="because") as caught:
        events(tmp_path, head if place == "head" else send(*chunks(line(), failure(body))))
    assert (caught.value.status, caught.value.retry_after_seconds) == (code, 3)


BROKEN: dict[str, Act] = {
    "no answer": send(),
    "no HTTP": send(b"\x00\x01 lorem ipsum\r\n\r\n"),
    "half a chunk": send(OK, CHUNKED, b"ff\r\n", line()),
    "no last chunk": send(*chunks(line(), last=b"")),
    "half an event": send(*chunks(line()[:20])),
    "no event": send(*chunks(b'{"kind":"PodList"}\n')),
    "no JSON": send(*chunks(b"<html>\n")),
    "a type of its own": send(*chunks(line("RENAMED"))),
    "an error without a status": send(*chunks(b'{"type":"ERROR","object":{}}\n')),
}


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_a_watch_that_breaks_is_unavailable(tmp_path: Path, fault: Act) -> None:
    """Whatever is no event of Kubernetes ends the watch with an error, never as if the server had ended it."""
    with pytest.raises(Unavailable):
        events(tmp_path, fault)


def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    """Without a connection nothing was asked."""
    with RawServer(send()) as server:
        config = kubeconfig(tmp_path / "config", server.url)
    with connected(config) as api, pytest.raises(Unreachable):
        watched(api)


@pytest.mark.parametrize("fault", [silence(), silence(*chunks(line(), last=b""))], ids=["at once", "after an event"])
def test_a_watch_that_falls_silent_is_unavailable(tmp_path: Path, fault: Act) -> None:
    """Bookmarks come about every minute; without them a connection counts as lost, whatever a list may take."""
    with pytest.raises(Unavailable, match=r"silent for 0\.2 s"):
        events(tmp_path, fault, watch_silence_seconds=0.2)


def test_closing_wakes_whoever_waits_for_a_silent_server(tmp_path: Path) -> None:
    """A shutdown waits for no event."""
    with (
        RawServer(silence(*chunks(line(), last=b""))) as server,
        connected(kubeconfig(tmp_path / "config", server.url)) as api,
    ):
        watch = watched(api)
        told: list[WatchEvent] = []
        reader = Thread(target=lambda: told.extend(watch))
        reader.start()
        watch.close()
        reader.join()
        watch.close()


def test_watches_take_no_connection_from_writers(tmp_path: Path) -> None:
    """However many watches are open, a list finds the connection that the last one used."""
    acts = [answer(LIST), silence(*chunks(last=b"")), silence(*chunks(last=b"")), answer(LIST)]
    with RawServer(*acts) as server, connected(kubeconfig(tmp_path / "config", server.url)) as api:
        api.list(POD, None)
        watches = [watched(api), watched(api)]
        api.list(POD, None)
        for watch in watches:
            watch.close()
            list(watch)
    first, *others, last = (request.port for request in server.received)
    assert first == last
    assert len({first, *others}) == 3
