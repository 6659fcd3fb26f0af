"""What the server is asked, and the plain answers to it, against kmock."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kmock
import pytest

from models.kinds import DASK_CLUSTER, POD, SERVICE, Key, Kind
from reconciler.api import HTTPAPI
from reconciler.wire.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    ServerError,
    TooManyRequests,
    UnknownOutcome,
)
from tests.http.connection import TOKEN, connected, kubeconfig
from tests.http.mockserver import MockServer

PODS = "/api/v1/namespaces/default/pods"
CLUSTERS = "/apis/kubernetes.dask.org/v1/namespaces/default/daskclusters"
KEY = Key(DASK_CLUSTER, "default", "big")
Emulated = MockServer[kmock.KubernetesEmulator]
WRITTEN = {"fieldManager": "dask-reconciler", "fieldValidation": "Warn"}


@pytest.fixture
def server() -> Iterator[Emulated]:
    """A Kubernetes as kmock has it."""
    with MockServer(kmock.KubernetesEmulator()) as server:
        yield server


@pytest.fixture
def api(server: Emulated, tmp_path: Path) -> Iterator[HTTPAPI]:
    """The API of that server."""
    with connected(kubeconfig(tmp_path / "config", server.url)) as api:
        yield api


def thing(kind: Kind, name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **more}


def asked(server: Emulated, number: int = -1) -> kmock.Request:
    """One of the requests that came."""
    return list(server.handler)[number]


def test_objects_are_created_changed_and_deleted(api: HTTPAPI) -> None:
    """What is created is listed, what is patched is different, what is deleted is gone."""
    created = api.create(DASK_CLUSTER, thing(DASK_CLUSTER, "big", spec={"idleTimeout": 0}))
    assert created.body["metadata"]["name"] == "big"
    assert created.warnings == ()
    assert api.patch(KEY, {"spec": {"idleTimeout": 5}}).body["spec"] == {"idleTimeout": 5}
    assert [item["spec"] for item in json.loads(api.list(DASK_CLUSTER, "default"))["items"]] == [{"idleTimeout": 5}]
    with pytest.raises(ApiError) as caught:
        api.create(DASK_CLUSTER, thing(DASK_CLUSTER, "big"))
    assert caught.value.status == 409
    api.delete(KEY, "u")
    assert json.loads(api.list(DASK_CLUSTER, "default"))["items"] == []
    with pytest.raises(NotFound):
        api.delete(KEY, "u")


def test_every_request_says_who_asks(server: Emulated, api: HTTPAPI) -> None:
    """Token, user agent and the form of the answer go with every request."""
    api.create(POD, thing(POD, "p"))
    api.list(POD, None)
    for number in (0, 1):
        headers = {name.lower(): value for name, value in asked(server, number).headers.items()}
        assert headers["authorization"] == f"Bearer {TOKEN}"
        assert headers["user-agent"] == "dask-reconciler/test"
        assert headers["accept"] == "application/json"


def test_a_list_is_consistent_and_whole(server: Emulated, api: HTTPAPI) -> None:
    """No resourceVersion and no limit are asked for; selectors are, where there are any."""
    for path in ("/api/v1/pods", PODS, CLUSTERS):
        server.handler[f"get {path}"] << {"kind": "List", "metadata": {}, "items": []}
    api.list(POD, None)
    assert (asked(server).url.path, asked(server).params) == ("/api/v1/pods", {})
    api.list(POD, "default", labels="dask.org/component=worker,!x", fields="metadata.name=p")
    assert asked(server).url.path == PODS
    assert asked(server).params == {"labelSelector": "dask.org/component=worker,!x", "fieldSelector": "metadata.name=p"}
    api.list(DASK_CLUSTER, "default")
    assert asked(server).url.path == CLUSTERS


def test_a_create_names_its_writer_and_asks_for_warnings(server: Emulated, api: HTTPAPI) -> None:
    """The body goes to the collection as JSON, untouched, with field manager and validation."""
    body = thing(
        POD, "p", spec={"newerThanThisClient": {"x": [1, None, "ü"]}, "containers": [{"resources": {"cpu": 4}}]}
    )
    api.create(POD, body)
    request = asked(server)
    assert (request.method, request.url.path, request.params) == ("POST", PODS, WRITTEN)
    assert request.headers["Content-Type"] == "application/json"
    assert request.data == body


@pytest.mark.parametrize(("subresource", "path"), [(None, f"{CLUSTERS}/big"), ("status", f"{CLUSTERS}/big/status")])
def test_a_patch_is_a_merge_patch(server: Emulated, api: HTTPAPI, subresource: Any, path: str) -> None:
    """A patch goes to the object or its status, with nulls that remove."""
    server.handler[f"patch {path}"] << thing(DASK_CLUSTER, "big")
    server.handler.objects[kmock.resource("kubernetes.dask.org/v1/daskclusters"), "default", "big"] = {}
    api.patch(KEY, {"metadata": {"annotations": {"gone": None}}}, subresource)
    request = asked(server)
    assert (request.method, request.url.path, request.params) == ("PATCH", path, WRITTEN)
    assert request.headers["Content-Type"] == "application/merge-patch+json"
    assert json.loads(request.body) == {"metadata": {"annotations": {"gone": None}}}


def test_an_apply_takes_over(server: Emulated, api: HTTPAPI) -> None:
    """Server-side apply is forced, with our field manager; its JSON is YAML."""
    service = thing(SERVICE, "s", spec={"ports": [{"port": 8786}]})
    path = "/api/v1/namespaces/default/services/s"
    server.handler.objects[kmock.resource("v1/services"), "default", "s"] = {}
    server.handler[f"patch {path}"] << service
    api.apply(Key(SERVICE, "default", "s"), service)
    request = asked(server)
    assert (request.method, request.url.path, request.params) == ("PATCH", path, WRITTEN | {"force": "true"})
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"
    assert json.loads(request.body) == service


def test_a_delete_is_for_one_uid(server: Emulated, api: HTTPAPI) -> None:
    """The uid is a precondition; what the object owns is deleted in the background."""
    server.handler.objects[kmock.resource("kubernetes.dask.org/v1/daskclusters"), "default", "big"] = thing(
        DASK_CLUSTER, "big"
    )
    api.delete(KEY, "12-34")
    request = asked(server)
    assert (request.method, request.url.path) == ("DELETE", f"{CLUSTERS}/big")
    assert request.data["preconditions"] == {"uid": "12-34"}
    assert request.data["propagationPolicy"] == "Background"


def test_a_delete_may_be_for_one_version(server: Emulated, api: HTTPAPI) -> None:
    """The resourceVersion is one more precondition: whatever changes the object saves it."""
    server.handler.objects[kmock.resource("kubernetes.dask.org/v1/daskclusters"), "default", "big"] = thing(
        DASK_CLUSTER, "big"
    )
    api.delete(KEY, "12-34", "567")
    assert asked(server).data["preconditions"] == {"uid": "12-34", "resourceVersion": "567"}


def test_a_name_cannot_lead_elsewhere(server: Emulated, api: HTTPAPI) -> None:
    """A name that is none stays one part of the path."""
    with pytest.raises(ApiError):
        api.delete(Key(POD, "default", "../../nodes/n?gracePeriodSeconds=0"), "u")
    assert asked(server).url.raw_path == f"{PODS}/..%2F..%2Fnodes%2Fn%3FgracePeriodSeconds%3D0"
    assert asked(server).params == {}
    with pytest.raises(ApiError):
        api.delete(Key(POD, "default", ".."), "u")
    assert asked(server).url.raw_path not in ("/api/v1/namespaces/default", "/api/v1/namespaces/default/")


QUOTA = 'pods "p" is forbidden: exceeded quota: small, requested: pods=1, used: pods=10, limited: pods=10'


@pytest.mark.parametrize(
    "refused",
    [
        (403, "Forbidden", QUOTA, Forbidden),
        (404, "NotFound", 'namespaces "default" not found', NotFound),
        (409, "AlreadyExists", 'pods "p" already exists', AlreadyExists),
        (409, "Conflict", "the object has been modified", Conflict),
        (410, "Expired", "too old resource version: 1 (2)", Gone),
        (422, "Invalid", 'Pod "p" is invalid: spec.containers: Required value', Invalid),
        (429, "TooManyRequests", "the server has asked for fewer requests", TooManyRequests),
        (500, "InternalError", 'Internal error occurred: failed calling webhook "w"', UnknownOutcome),
        (503, "ServiceUnavailable", "apiserver is shutting down", ServerError),
        (504, "Timeout", "request did not complete within requested timeout", UnknownOutcome),
    ],
)
def test_what_the_server_refuses_has_a_class_and_its_words(
    server: Emulated, api: HTTPAPI, refused: tuple[int, str, str, type[ApiError]]
) -> None:
    """Each refusal comes out as its class, with the server's message, and after one request."""
    status, reason, message, expected = refused
    refusal = {"kind": "Status", "apiVersion": "v1", "reason": reason, "message": message, "code": status}
    server.handler["post"] << status << {"Retry-After": "3"} << refusal
    with pytest.raises(expected) as caught:
        api.create(POD, thing(POD, "p"))
    assert type(caught.value) is expected
    assert (caught.value.message, caught.value.reason, caught.value.status) == (message, reason, status)
    assert caught.value.retry_after_seconds == 3
    assert len(server.handler["post"]) == 1


def test_an_expired_list_is_gone(server: Emulated, api: HTTPAPI) -> None:
    """A 410 to a list is told from other trouble."""
    server.handler["get"] << 410 << {"kind": "Status", "reason": "Expired", "message": "too old"}
    with pytest.raises(Gone, match="too old"):
        api.list(POD, None)


def test_a_write_that_was_stored_but_answered_with_an_error_is_an_unknown_outcome(
    server: Emulated, api: HTTPAPI
) -> None:
    """A 500 says nothing about what was written; looking again does."""
    server.handler["post"] << 500 << {"kind": "Status", "message": "etcd lost its leader"}
    with pytest.raises(UnknownOutcome, match="etcd lost its leader"):
        api.create(POD, thing(POD, "p"))
    assert [item["metadata"]["name"] for item in json.loads(api.list(POD, None))["items"]] == ["p"]
