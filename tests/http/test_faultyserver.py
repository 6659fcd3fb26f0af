"""The API in memory behind HTTP: what the whole loop is tested against, and its faults."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.kinds import DASK_CLUSTER, POD, Key
from reconciler.api import HTTPAPI
from reconciler.memory import MemoryAPI
from reconciler.wire.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Gone,
    Invalid,
    NotFound,
    ServerError,
    TooManyRequests,
    Unavailable,
    UnknownOutcome,
)
from tests.http.connection import connected, kubeconfig
from tests.http.faultyserver import Fault, FaultyServer, How

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Key(POD, "default", "p")
POD_BODY = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "default"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


@pytest.fixture
def memory() -> MemoryAPI:
    return MemoryAPI(lambda: NOW)


@pytest.fixture
def server(memory: MemoryAPI) -> Iterator[FaultyServer]:
    with FaultyServer(memory) as server:
        yield server


@pytest.fixture
def api(server: FaultyServer, tmp_path: Path) -> Iterator[HTTPAPI]:
    with connected(kubeconfig(tmp_path / "config", server.url), read_timeout_seconds=0.3) as api:
        yield api


def test_every_request_reaches_the_api_behind(server: FaultyServer, api: HTTPAPI, memory: MemoryAPI) -> None:
    """Without a fault HTTP changes nothing: objects, selectors, uids and refusals are those of the API in memory."""
    uid = api.create(POD, POD_BODY).body["metadata"]["uid"]
    assert memory.get(KEY) is not None
    with pytest.raises(AlreadyExists, match='pods "p" already exists'):
        api.create(POD, POD_BODY)
    api.patch(KEY, {"metadata": {"labels": {"a": "b"}}})
    api.apply(KEY, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": {"c": "d"}}})
    api.patch(KEY, {"status": {"phase": "Running"}}, "status")
    assert json.loads(api.list(POD, "default", labels="a=b")) == json.loads(memory.list(POD, "default", labels="a=b"))
    assert json.loads(api.list(POD, None, labels="a=c"))["items"] == []
    assert len(json.loads(api.list(POD, None, fields="metadata.name=p"))["items"]) == 1
    with pytest.raises(Conflict):
        api.delete(KEY, "another")
    with pytest.raises(Conflict):
        api.delete(KEY, uid, "0")
    with pytest.raises(NotFound):
        api.patch(Key(DASK_CLUSTER, "default", "none"), {})
    api.delete(KEY, uid, str(memory.revision))
    assert [line for line, _ in server.asked] == [
        "CREATE pods default/p",
        "CREATE pods default/p",
        "PATCH pods default/p",
        "APPLY pods default/p",
        "PATCH pods/status default/p",
        "LIST pods default",
        "LIST pods",
        "LIST pods",
        "DELETE pods default/p",
        "DELETE pods default/p",
        "PATCH daskclusters default/none",
        "DELETE pods default/p",
    ]


@pytest.mark.parametrize("how", How)
def test_a_lost_create_happened_or_not_and_only_looking_tells(
    server: FaultyServer, api: HTTPAPI, memory: MemoryAPI, how: How
) -> None:
    """The caller learns the same in both cases; the object is there only if the request was carried out."""
    server.faults.append(Fault(how, verb="CREATE", resource="pods"))
    with pytest.raises(UnknownOutcome):
        api.create(POD, POD_BODY)
    assert (memory.get(KEY) is not None) is how.carries_out
    assert len(json.loads(api.list(POD, None))["items"]) == (1 if how.carries_out else 0)
    assert not server.pending


@pytest.mark.parametrize("how", How)
def test_a_lost_list_is_unavailable(server: FaultyServer, api: HTTPAPI, how: How) -> None:
    """Whatever happens to a list, there is no list, and the next one is whole."""
    server.faults.append(Fault(how, verb="LIST"))
    with pytest.raises(Unavailable):
        api.list(POD, None)
    assert json.loads(api.list(POD, None))["items"] == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [(409, Conflict), (410, Gone), (422, Invalid), (429, TooManyRequests), (500, UnknownOutcome), (503, ServerError)],
)
def test_a_refused_create_is_not_carried_out(
    server: FaultyServer, api: HTTPAPI, memory: MemoryAPI, status: int, expected: type[ApiError]
) -> None:
    """A status in place of a request leaves the world as it was."""
    server.faults.append(Fault(status, verb="CREATE", message="not now", headers={"Retry-After": "2"}))
    with pytest.raises(expected, match="not now") as caught:
        api.create(POD, POD_BODY)
    assert caught.value.retry_after_seconds == 2
    assert memory.objects(POD) == ()


def test_a_fault_strikes_where_it_is_aimed(server: FaultyServer, api: HTTPAPI, memory: MemoryAPI) -> None:
    """Verb, resource and name choose the requests, `skip` and `times` which of them."""
    server.faults.append(Fault(503, verb="PATCH", resource="pods/status", name="p", skip=1, times=2))
    api.create(POD, POD_BODY)
    api.patch(KEY, {"metadata": {"labels": {"a": "b"}}})
    outcomes = []
    for phase in ("Pending", "Running", "Succeeded", "Failed"):
        try:
            api.patch(KEY, {"status": {"phase": phase}}, "status")
            outcomes.append("done")
        except ServerError:
            outcomes.append("failed")
    assert outcomes == ["done", "failed", "failed", "done"]
    assert [body["status"]["phase"] for body in memory.objects(POD)] == ["Failed"]
