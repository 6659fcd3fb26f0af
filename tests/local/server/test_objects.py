"""Requests about objects, as they come over HTTP."""

import socket
from contextlib import closing
from typing import Any

import pytest

from models.kinds import DASK_WORKER_GROUP, POD, Key
from reconciler.local.server import Server
from reconciler.memory import MemoryAPI
from tests.local.server.asking import CORE, DASK, MERGE, Asking
from tests.manifests import Manifest, group, manifest, pod_spec

GROUPS, PODS = f"{DASK}/daskworkergroups", f"{CORE}/pods"
G = Key(DASK_WORKER_GROUP, "default", "g")
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


def pod(name: str = "p", **metadata: Any) -> Manifest:
    body = manifest(POD, name, pod_spec())
    return {**body, "metadata": {**body["metadata"], **metadata}}


@pytest.mark.parametrize("token", ["", "x", "Bearer"])
def test_without_the_token_nothing_is_answered(server: Server, token: str) -> None:
    """Not even what there is: whoever is on the machine may reach the port."""
    for path in ("/api", "/version", "/healthz", PODS, f"{PODS}/p/portforward", "/nosuch"):
        with closing(Asking(server, token)) as ask:
            status, body, _ = ask("GET", path)
        assert (status, body["reason"]) == (401, "Unauthorized")


def test_an_object_lives_its_life(ask: Asking, api: MemoryAPI) -> None:
    """Made, read, changed, replaced, scaled and deleted, each with the status that an API server gives."""
    status, made, _ = ask("POST", GROUPS, group())
    assert (status, made["kind"], made["metadata"]["generation"]) == (201, "DaskWorkerGroup", 1)
    assert ask.done("GET", f"{GROUPS}/g") == made
    assert [one["metadata"]["name"] for one in ask.done("GET", GROUPS)["items"]] == ["g"]
    assert (
        ask.done("PATCH", f"{GROUPS}/g", {"spec": {"worker": {"replicas": 3}}}, type_=MERGE)["spec"]["worker"][
            "replicas"
        ]
        == 3
    )
    found = ask.done("GET", f"{GROUPS}/g")
    found["spec"]["worker"]["replicas"] = 4
    assert ask.done("PUT", f"{GROUPS}/g", found)["metadata"]["generation"] == 3
    assert ask("PUT", f"{GROUPS}/g", found)[1]["reason"] == "Conflict"
    scale = ask.done("GET", f"{GROUPS}/g/scale")
    assert scale["spec"] == {"replicas": 4}
    assert ask.done("PUT", f"{GROUPS}/g/scale", {**scale, "spec": {"replicas": 5}})["spec"] == {"replicas": 5}
    assert ask("PUT", f"{GROUPS}/g/scale", {**scale, "spec": {"replicas": 6}})[0] == 409
    ask.done("PUT", f"{GROUPS}/g/status", {**ask.done("GET", f"{GROUPS}/g"), "status": {"replicas": 5}})
    assert ask.done("GET", f"{GROUPS}/g/scale")["status"] == {"replicas": 5}
    assert ask.done("DELETE", f"{GROUPS}/g")["status"] == "Success"
    assert ask("GET", f"{GROUPS}/g")[1]["reason"] == "NotFound"
    assert api.objects(DASK_WORKER_GROUP) == ()


def test_a_dry_run_says_what_would_be_and_changes_nothing(ask: Asking, api: MemoryAPI) -> None:
    """Every sort of write, refusals too."""
    assert ask("POST", f"{GROUPS}?dryRun=All", group())[0] == 201
    assert api.get(G) is None
    before = ask.done("POST", GROUPS, group())
    assert ask("POST", f"{GROUPS}?dryRun=All", group())[1]["reason"] == "AlreadyExists"
    patch = {"spec": {"worker": {"replicas": 9}}}
    assert ask.done("PATCH", f"{GROUPS}/g?dryRun=All", patch, type_=MERGE)["spec"]["worker"]["replicas"] == 9
    assert ask("DELETE", f"{GROUPS}/g?dryRun=All")[0] == 200
    assert ask("DELETE", f"{GROUPS}?dryRun=All")[0] == 200
    assert api.get(G) == before


def test_an_unknown_field_is_a_warning_a_refusal_or_nothing(ask: Asking, api: MemoryAPI) -> None:
    """As `fieldValidation` has it; where it is refused, nothing is written."""
    body = group()
    body["spec"]["wrkr"] = 1
    status, refused, _ = ask("POST", f"{GROUPS}?fieldValidation=Strict", body)
    assert (status, refused["reason"]) == (400, "BadRequest")
    assert 'strict decoding error: unknown field "spec.wrkr"' in refused["message"]
    assert api.get(G) is None
    assert ask("POST", f"{GROUPS}?fieldValidation=Ignore&dryRun=All", body)[2] == []
    assert ask("POST", GROUPS, body)[2] == ['299 - "unknown field \\"spec.wrkr\\""']


def test_a_refusal_names_the_object_and_each_cause(ask: Asking) -> None:
    """What kubectl shows of it."""
    body = group()
    body["spec"]["worker"]["replicas"] = -1
    status, refused, _ = ask("POST", GROUPS, body)
    assert (status, refused["code"], refused["reason"]) == (422, 422, "Invalid")
    assert refused["details"]["name"] == "g"
    assert [cause["field"] for cause in refused["details"]["causes"]] == ["spec.worker.replicas"]


def test_deletions_ask_for_what_they_mean(ask: Asking, api: MemoryAPI) -> None:
    """Preconditions, a grace of their own, and dependents that are to stay."""
    owner = ask.done("POST", PODS, pod())
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": owner["metadata"]["uid"]}
    for name in ("goes", "stays"):
        ask.done("POST", PODS, pod(name, ownerReferences=[reference]))
    assert ask("DELETE", f"{PODS}/p", {"preconditions": {"uid": "another"}})[0] == 409
    api.edit(Key(POD, "default", "stays"), {"metadata": {"ownerReferences": None}})
    api.bind(Key(POD, "default", "stays"), "n")
    assert ask.done("DELETE", f"{PODS}/stays", {"gracePeriodSeconds": 7})["metadata"]["deletionGracePeriodSeconds"] == 7
    ask.done("DELETE", f"{PODS}/stays?gracePeriodSeconds=0")
    assert api.get(Key(POD, "default", "stays")) is None
    ask.done("DELETE", f"{PODS}/p", {"propagationPolicy": "Orphan"})
    assert [one["metadata"].get("ownerReferences") for one in api.objects(POD)] == [None]
    assert len(ask.done("DELETE", PODS)["items"]) == 1
    assert api.objects(POD) == ()


def test_lists_come_as_tables_and_as_metadata_where_they_are_wanted_so(ask: Asking) -> None:
    """`Accept` decides; rows have metadata, the whole object, or nothing besides."""
    ask.done("POST", GROUPS, group())
    table = ask.done("GET", GROUPS, accept=TABLE)
    assert table["kind"] == "Table"
    assert [column["name"] for column in table["columnDefinitions"]][:3] == ["Name", "Cluster", "Workers"]
    assert table["rows"][0]["cells"][:2] == ["g", "c"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert "object" not in ask.done("GET", f"{GROUPS}?includeObject=None", accept=TABLE)["rows"][0]
    assert (
        ask.done("GET", f"{GROUPS}/g?includeObject=Object", accept=TABLE)["rows"][0]["object"]["spec"]["cluster"] == "c"
    )
    listed = ask.done("GET", GROUPS, accept=METADATA.format("List"))
    assert listed["kind"] == "PartialObjectMetadataList"
    assert "spec" not in listed["items"][0]
    assert "spec" not in ask.done("GET", f"{GROUPS}/g", accept=METADATA.format(""))


def test_every_namespace_is_there(ask: Asking) -> None:
    """One is shown when something is in it; making one is told that it is there already."""
    ask.done("POST", GROUPS.replace("/default/", "/new/"), group())
    names = [one["metadata"]["name"] for one in ask.done("GET", "/api/v1/namespaces")["items"]]
    assert names == ["default", "new"]
    assert ask.done("GET", "/api/v1/namespaces/any")["status"] == {"phase": "Active"}
    assert len(ask.done("GET", "/api/v1/namespaces?fieldSelector=metadata.name%3Dany")["items"]) == 1
    status, refused, _ = ask("POST", "/api/v1/namespaces", {"metadata": {"name": "x"}})
    assert (status, refused["reason"]) == (409, "AlreadyExists")


NOT_THERE = {
    "nodes": ("GET", "/api/v1/nodes"),
    "Deployments": ("GET", "/apis/apps/v1/deployments"),
    "another version": ("GET", "/apis/kubernetes.dask.org/v2/daskclusters"),
    "programs in containers": ("POST", f"{PODS}/p/exec"),
    "a part of a part": ("GET", f"{PODS}/p/log/x"),
    "an object without its namespace": ("GET", "/api/v1/pods/p"),
    "nothing": ("GET", "/"),
    "roles": ("GET", "/apis/rbac.authorization.k8s.io/v1"),
}


@pytest.mark.parametrize(("method", "path"), NOT_THERE.values(), ids=NOT_THERE)
def test_what_is_not_there_is_refused_as_by_a_server_that_does_not_know_it(ask: Asking, method: str, path: str) -> None:
    """404, with words that clients know."""
    status, body, _ = ask(method, path)
    assert (status, body["reason"]) == (404, "NotFound")
    assert body["message"] == "the server could not find the requested resource"


NONSENSE: dict[str, tuple[str, str, Any, str, int]] = {
    "no JSON": ("POST", GROUPS, b"{", "application/json", 400),
    "no object": ("POST", GROUPS, [], "application/json", 400),
    "no metadata": ("POST", GROUPS, {}, "application/json", 422),
    "metadata that is text": ("POST", GROUPS, {"metadata": "x"}, "application/json", 400),
    "another namespace": ("POST", PODS, {"metadata": {"name": "p", "namespace": "x"}}, "application/json", 400),
    "a patch that is a list": ("PATCH", f"{PODS}/p", [], MERGE, 400),
    "a patch of no sort": ("PATCH", f"{PODS}/p", {}, "text/plain", 415),
    "an apply by nobody": ("PATCH", f"{PODS}/p", b"{}", "application/apply-patch+yaml", 400),
    "a method that nobody knows": ("PUT", PODS, {}, "application/json", 405),
    "a selector that makes no sense": ("GET", f"{PODS}?labelSelector=a%3Db%3Dc", None, "", 400),
    "a number that is none": ("GET", f"{PODS}?watch=1&timeoutSeconds=x", None, "", 400),
    "a log of nobody": ("GET", f"{PODS}/nosuch/log", None, "", 404),
}


@pytest.mark.parametrize(("method", "path", "sent", "type_", "code"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused_with_a_word(  # noqa: PLR0913, PLR0917 -- the parts of a request
    ask: Asking, method: str, path: str, sent: Any, type_: str, code: int
) -> None:
    """Whatever comes, the answer is a Status and the server goes on."""
    ask.done("POST", PODS, pod())
    status, body, _ = ask(method, path, sent, type_=type_)
    assert (status, body["kind"], body["code"]) == (code, "Status", code), body
    assert body["message"]
    assert ask.done("GET", "/healthz") == "ok"


def test_who_does_not_speak_http_is_nobodys_trouble(
    server: Server, ask: Asking, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is said of it, and the others are answered."""
    host, _, port = server.url.rpartition("/")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as stranger:
        stranger.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        stranger.recv(99)
    assert ask.done("GET", "/healthz") == "ok"
    assert capfd.readouterr().err == ""
