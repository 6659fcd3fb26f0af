"""What tests, the dry run and `plan` ask of the API in memory: loading objects, and acting as everyone else."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given

from models.kinds import DASK_WORKER_GROUP, POD, SERVICE
from reconciler.memory import MemoryAPI
from reconciler.memory.schema import RULES
from reconciler.wire.errors import Conflict, Invalid, NotFound, Refused, Unavailable, UnknownOutcome
from reconciler.wire.protocol import API, Body
from tests.faults import SILENT, Fault, Faulty, plans
from tests.manifests import group, manifest, pod_spec
from tests.unit.memory.objects import key, owner, placed

CRDS = Path(__file__).parents[3] / "crds"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GATE = {"name": "example.com/wait"}


def memory(**more: Any) -> MemoryAPI:
    return MemoryAPI(lambda: NOON, **more)


def pod(name: str = "p", **spec: Any) -> Body:
    return placed(manifest(POD, name, {**pod_spec(), **spec}))


def test_it_is_an_api() -> None:
    """The API in memory, with and without faults, is one of the protocol's, as the type checker sees."""
    apis: list[API] = [memory(), Faulty(memory(), [])]
    for api in apis:
        assert json.loads(api.list(POD, None))["items"] == []


def test_objects_are_taken_in_as_they_are() -> None:
    """What an object from a real server says about itself is kept, and new versions come after the highest."""
    metadata = {
        "uid": "u",
        "resourceVersion": "700",
        "generation": 4,
        "creationTimestamp": "2001-01-01T00:00:00Z",
        "deletionTimestamp": "2001-01-02T00:00:00Z",
        "deletionGracePeriodSeconds": 30,
        "labels": {"not valid": "but there"},
    }
    body = placed(manifest(POD, "p", {"nodeName": "n"}), **metadata) | {"status": {"phase": "Running"}}
    api = memory(objects=[body, placed(group(), uid="v", resourceVersion="41")])
    assert api.get(key(POD, "p")) == body
    created = api.create(POD, pod("new")).body
    assert int(created["metadata"]["resourceVersion"]) > 700


def test_a_manifest_is_taken_in_as_if_it_had_been_created() -> None:
    """An object without a uid, from a file, gets one, with defaults, a namespace and a first status."""
    api = memory(objects=[manifest(POD, "p", pod_spec()), placed(group())])
    (loaded,) = api.objects(POD)
    assert loaded["metadata"]["namespace"] == "default"
    assert loaded["metadata"].keys() >= {"uid", "resourceVersion", "creationTimestamp", "generation"}
    assert loaded["spec"]["restartPolicy"] == "Always"
    assert loaded["status"] == {"phase": "Pending"}
    assert len({body["metadata"]["uid"] for body in (*api.objects(POD), *api.objects(DASK_WORKER_GROUP))}) == 2


def test_a_uid_of_a_loaded_object_is_given_to_no_other() -> None:
    """What was loaded may come from another API in memory, which counts as this one does."""
    for observed in memory(objects=[placed(group())]).objects(DASK_WORKER_GROUP):
        api = memory(objects=[observed])
        created = api.create(POD, pod()).body
        assert created["metadata"]["uid"] != observed["metadata"]["uid"]


def test_what_is_loaded_is_not_collected_before_its_owner_goes() -> None:
    """A snapshot may lack an owner; a dependent goes only when its owner goes here."""
    child = placed(manifest(POD, "p", pod_spec()), uid="c", ownerReferences=[owner(placed(group(), uid="v"))])
    assert memory(objects=[child]).objects(POD) != ()
    api = memory(objects=[child, placed(group(), uid="v")])
    api.delete(key(DASK_WORKER_GROUP, "g"), "v")
    assert api.objects(POD) == ()


def test_part_of_a_pod_is_enough_to_work_with() -> None:
    """An object of which only a few fields are known can be patched, ungated and deleted."""
    parts = placed(manifest(POD, "p", {"schedulingGates": [GATE]}), uid="u", resourceVersion="7")
    api = memory(objects=[parts])
    api.patch(key(POD, "p"), {"metadata": {"labels": {"a": "b"}}})
    api.patch(key(POD, "p"), {"spec": {"schedulingGates": None}})
    bound = api.bind(key(POD, "p"), "node")
    assert bound["metadata"]["labels"] == {"a": "b"}
    assert api.delete(key(POD, "p"), "u").body["metadata"]["deletionGracePeriodSeconds"] == 30


def test_what_earlier_applies_set_is_read_from_managed_fields() -> None:
    """Loaded with its managedFields, an object knows what the next apply has to remove."""
    ours: Body = {
        "f:metadata": {"f:labels": {"f:ours": {}}},
        "f:spec": {"f:ports": {'k:{"port":2,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}}},
    }
    theirs: Body = {"f:metadata": {"f:labels": {".": {}, "f:theirs": {}}}}
    entries = [
        {"manager": "dask-reconciler", "operation": "Apply", "apiVersion": "v1", "fieldsV1": ours},
        {"manager": "kubectl-label", "operation": "Update", "apiVersion": "v1", "fieldsV1": theirs},
    ]
    ports = [{"name": name, "port": port, "protocol": "TCP"} for port, name in enumerate("ab", start=1)]
    body = placed(
        manifest(SERVICE, "s", {"type": "ClusterIP", "clusterIP": "1.2.3.4", "ports": ports}),
        uid="u",
        labels={"ours": "1", "theirs": "2"},
        managedFields=entries,
    )
    api = memory(objects=[body])
    config = placed(manifest(SERVICE, "s", {"ports": [{"name": "a", "port": 1}]}))
    after = api.apply(key(SERVICE, "s"), config).body
    assert [port["name"] for port in after["spec"]["ports"]] == ["a"]
    assert after["metadata"]["labels"] == {"theirs": "2"}
    assert "managedFields" not in after["metadata"]


def test_nobody_changes_an_object_but_by_a_request() -> None:
    """What is sent and what is given out can be changed afterwards without harm."""
    body = pod()
    api = memory()
    reply = api.create(POD, body).body
    before = api.get(key(POD, "p"))
    body["spec"]["containers"].clear()
    reply["metadata"]["labels"] = {"a": "b"}
    api.objects(POD)[0]["spec"].clear()
    patch: Body = {"metadata": {"annotations": {"a": "b"}}}
    api.patch(key(POD, "p"), patch).body["spec"].clear()
    patch["metadata"]["annotations"].clear()
    after = api.get(key(POD, "p"))
    assert before is not None
    assert after is not None
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == {"a": "b"}


def test_the_same_requests_bring_the_same_objects() -> None:
    """Uids, generated names, addresses and times depend on nothing but the requests and the clock."""

    def world() -> bytes:
        api = memory()
        api.create(POD, placed({**pod(), "metadata": {"generateName": "p-"}}))
        api.create(SERVICE, placed(manifest(SERVICE, "s", {"type": "NodePort", "ports": [{"port": 1}]})))
        return api.list(POD, None) + api.list(SERVICE, None)

    assert world() == world()


def test_a_user_edits() -> None:
    """An edit is a merge patch or a change to a copy; it is held to the rules and counts as a generation."""
    api = memory(objects=[placed(group())])
    at = key(DASK_WORKER_GROUP, "g")

    def scale(body: Body) -> None:
        body["spec"]["worker"]["replicas"] = 5

    assert api.edit(at, scale)["metadata"]["generation"] == 2
    assert api.edit(at, {"spec": {"worker": {"replicas": 6}}})["metadata"]["generation"] == 3
    with pytest.raises(Invalid):
        api.edit(at, {"metadata": {"labels": {"a": "b c"}}})


def test_a_pod_lives() -> None:
    """The scheduler binds it, its kubelet sets its status as a whole, it terminates, its kubelet ends it."""
    api = memory()
    at = key(POD, "p")
    uid = api.create(POD, pod()).body["metadata"]["uid"]
    bound = api.bind(at, "node")
    assert (bound["spec"]["nodeName"], bound["metadata"]["generation"]) == ("node", 1)
    assert [(item["type"], item["status"]) for item in bound["status"]["conditions"]] == [("PodScheduled", "True")]
    running = api.set_status(at, {"phase": "Running"})
    assert running["status"] == {"phase": "Running"}
    assert api.delete(at, uid).body["metadata"]["deletionTimestamp"] == "2026-01-01T12:00:30Z"
    api.remove(at)
    assert api.get(at) is None


def test_a_pod_is_bound_once_and_not_while_it_is_gated() -> None:
    """Binding a gated Pod, or one that has a node, is a Conflict."""
    api = memory()
    api.create(POD, pod("gated", schedulingGates=[GATE]))
    api.create(POD, pod("bound", nodeName="node"))
    for name in ("gated", "bound"):
        with pytest.raises(Conflict):
            api.bind(key(POD, name), "other")
    with pytest.raises(NotFound):
        api.bind(key(POD, "none"), "other")


def test_garbage_may_be_collected_later() -> None:
    """Without eager collection, dependents stay until someone asks: a real server takes its time, too."""
    api = memory(collects_garbage=False)
    root = api.create(DASK_WORKER_GROUP, placed(group())).body
    api.create(POD, placed(pod(), ownerReferences=[owner(root)]))
    api.delete(key(DASK_WORKER_GROUP, "g"), root["metadata"]["uid"])
    assert len(api.objects(POD)) == 1
    api.collect_garbage()
    assert api.objects(POD) == ()


def test_an_owner_that_could_not_be_here_counts_as_being_there() -> None:
    """Owners of kinds that the reconciler does not know are somewhere else, and hold their own."""
    api = memory()
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "d"}
    api.create(POD, placed(pod(), ownerReferences=[reference]))
    assert len(api.objects(POD)) == 1


def test_objects_of_one_namespace() -> None:
    """The objects are those of a namespace, or all."""
    api = memory(objects=[pod(), {**pod(), "metadata": {"name": "p", "namespace": "there"}}])
    assert [body["metadata"]["namespace"] for body in api.objects(POD, "there")] == ["there"]
    assert len(api.objects(POD)) == 2


def test_threads_share_it() -> None:
    """Requests of many threads are carried out one by one."""
    api = memory()
    with ThreadPoolExecutor(4) as pool:
        bodies = list(pool.map(lambda number: api.create(POD, pod(f"p{number}")).body, range(100)))
    assert len({body["metadata"]["resourceVersion"] for body in bodies}) == len(api.objects(POD)) == 100


def test_a_kind_it_does_not_know_is_refused() -> None:
    """A file with something else in it is an error."""
    with pytest.raises(NotFound):
        memory(objects=[{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}])


def test_it_knows_every_rule_of_the_definitions() -> None:
    """Each CEL rule in crds/ has its twin in Python, or the memory would let through what a server refuses."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    definitions = [yaml.load(path.read_text(), Loader=loader) for path in CRDS.glob("*.yaml")]
    found = set(_rules(definitions))
    unknown = {rule for rule in found if not any(pattern.fullmatch(rule) for pattern, _ in RULES)}
    assert found
    assert not unknown


def _rules(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [rule for item in schema for rule in _rules(item)]
    if not isinstance(schema, dict):
        return []
    here = [rule["rule"] for rule in schema.get("x-kubernetes-validations", [])]
    return here + [rule for item in schema.values() for rule in _rules(item)]


@given(plans())
def test_faults_do_what_they_say(plan: list[Fault | None]) -> None:
    """A write that fails before it takes effect leaves nothing behind; one whose answer was lost does its work."""
    api = memory()
    faulty = Faulty(api, plan)
    for number, fault in enumerate([*plan, None]):
        body = pod(f"p{number}")
        if fault in (None, Fault.CONFLICT):
            faulty.create(POD, body)
        else:
            with pytest.raises(UnknownOutcome if fault in SILENT else (Refused, Unavailable)):
                faulty.create(POD, body)
        written = api.get(key(POD, f"p{number}")) is not None
        assert written == (fault in (None, Fault.CONFLICT, Fault.LOST_ANSWER))
    assert len(faulty.struck) == sum(fault not in (None, Fault.CONFLICT) for fault in plan)
