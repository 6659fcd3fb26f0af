"""Parsing long lists: in parts and without a detour, with the same result as object by object."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Kind
from models.observed import Pod
from models.snapshot import Unreadable
from reconciler.wire.parse import RESOURCES, parse_list, parse_object
from tests.manifests import pod_spec

Json = dict[str, Any]
PODS = 500
MOST_BYTES_A_POD = 3 << 10
TIME = "2026-01-31T12:00:00Z"

words = st.sampled_from(("", "a", "ready\n", 'a "quoted" {word}', '},{"metadata":{', "é", "\ud800"))
wrong = st.sampled_from((5, [1], {"a": None}, ["x"], True))
maps = st.one_of(st.none(), st.dictionaries(words, words, max_size=2), wrong)
owners = st.lists(
    st.one_of(
        st.fixed_dictionaries({"apiVersion": words, "kind": words, "name": words, "uid": words}),
        st.fixed_dictionaries({"uid": words}),
    ),
    max_size=2,
)
nested = st.lists(st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"name": words})}), max_size=3)
metadata = st.fixed_dictionaries(
    {"name": words, "namespace": words},
    optional={
        "uid": words,
        "generation": st.one_of(st.integers(0, 9), wrong),
        "creationTimestamp": st.sampled_from((None, TIME, "yesterday")),
        "labels": maps,
        "annotations": maps,
        "ownerReferences": st.one_of(owners, wrong),
    },
)
conditions = st.lists(
    st.fixed_dictionaries({"type": words, "status": words}, optional={"reason": words, "lastTransitionTime": words})
)
pod_statuses = st.fixed_dictionaries(
    {"phase": st.one_of(words, wrong), "conditions": st.one_of(st.none(), conditions, wrong)}
)
templates = st.fixed_dictionaries(
    {"spec": st.one_of(st.just(pod_spec()), nested.map(lambda found: {"containers": [{"odd": found, "no": None}]}))},
    optional={"replicas": st.one_of(st.none(), st.integers(-1, 3)), "future": words},
)
clusters = st.fixed_dictionaries({"scheduler": templates, "worker": templates})
groups = st.fixed_dictionaries({"cluster": words, "worker": templates})
jobs = st.fixed_dictionaries({"job": templates, "cluster": st.fixed_dictionaries({"spec": clusters})})
statuses = st.one_of(st.none(), st.just({}), st.just({"conditions": None, "future": 1}), wrong)
SHAPES: dict[Kind, tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]] = {
    POD: (st.one_of(st.none(), st.fixed_dictionaries({"volumes": nested})), pod_statuses),
    SERVICE: (st.one_of(wrong, nested.map(lambda found: {"odd": found, "no": None})), statuses),
    DASK_CLUSTER: (clusters, statuses),
    DASK_WORKER_GROUP: (groups, statuses),
    DASK_JOB: (jobs, statuses),
}


def _items(kind: Kind) -> st.SearchStrategy[list[Json]]:
    """Items of a list in the order of fields that the API server writes."""
    head = {"apiVersion": kind.api_version, "kind": kind.name} if kind in RESOURCES else {}
    spec, status = SHAPES[kind]
    meta = st.one_of(metadata, metadata, metadata, wrong)
    item = st.builds(
        lambda *parts: {**head, **dict(zip(("metadata", "spec", "status"), parts, strict=True))}, meta, spec, status
    )
    return st.lists(item, max_size=6)


def _compact(whole: Json) -> bytes:
    return json.dumps(whole, separators=(",", ":")).encode()


def _spaced(whole: Json) -> bytes:
    return json.dumps(whole, indent=1).encode()


@pytest.mark.parametrize("kind", SHAPES, ids=str)
@given(
    data=st.data(),
    part_bytes=st.sampled_from((1, 100, 1000, 1 << 19)),
    order=st.sampled_from((1, -1)),
    encoded=st.sampled_from((_compact, _spaced)),
)
def test_a_list_is_read_as_its_objects_one_by_one(
    kind: Kind, data: st.DataObject, part_bytes: int, order: int, encoded: Callable[[Json], bytes]
) -> None:
    """Whatever is good or bad in it and however it is cut, a list has the objects that each item stands for."""
    items = data.draw(_items(kind))
    whole = {"kind": "List", "items": items, "metadata": {"resourceVersion": "7"}}
    payload = encoded(dict(list(whole.items())[::order]))
    assert list(parse_list(kind, payload, part_bytes)) == [parse_object(kind, item) for item in items]


def _pod(number: int) -> Json:
    """A running worker Pod, with the labels, annotations and conditions that it has in a cluster."""
    names = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    group = f"c{number // 10}-default-worker-group"
    owner = {"apiVersion": "kubernetes.dask.org/v1", "kind": "DaskWorkerGroup", "name": group, "controller": True}
    return {
        "metadata": {
            "name": f"{group}-worker-{number:010x}",
            "namespace": "default",
            "uid": f"0f8fad5b-d9cb-469f-a165-{number:012x}",
            "resourceVersion": str(number),
            "creationTimestamp": TIME,
            "labels": {f"dask.org/{label}": f"{group}-{label}" for label in ("cluster-name", "component", "group")},
            "annotations": {f"kubernetes.dask.org/{name}": f"{name}-{number}" for name in ("role", "hash", "ordinal")},
            "ownerReferences": [{**owner, "uid": f"1f8fad5b-d9cb-469f-a165-{number // 10:012x}"}],
            "managedFields": [{"manager": "kubelet", "fieldsV1": {f"f:{name}": {} for name in names}}],
        },
        "spec": {"containers": [{"name": "worker", "image": "dask"}], "nodeName": f"node-{number % 50}"},
        "status": {
            "phase": "Running",
            "startTime": TIME,
            "conditions": [{"type": name, "status": "True", "lastTransitionTime": TIME} for name in names],
            "containerStatuses": [{"name": "worker", "ready": True, "state": {"running": {"startedAt": TIME}}}],
        },
    }


def test_a_pod_takes_little_memory() -> None:
    """A daemon with 10,000 Pods keeps two pictures of them within its Deployment's limit."""
    payload = _compact({"items": [_pod(number) for number in range(PODS)]})
    parse_list(POD, payload)  # fills the parser's caches
    tracemalloc.start()
    pods = parse_list(POD, payload)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pods) == PODS
    assert held / PODS < MOST_BYTES_A_POD


def test_one_bad_pod_costs_no_other_its_compactness() -> None:
    """The objects beside an unreadable one are not read a second time as dicts, which takes four times the memory."""
    items = [_pod(number) for number in range(PODS)]
    items[7]["status"]["phase"] = 5
    payload = _compact({"items": items})
    parse_list(POD, payload)
    tracemalloc.start()
    parse_list(POD, payload)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / PODS < 2 * MOST_BYTES_A_POD


def test_what_has_not_changed_takes_no_memory_again() -> None:
    """An object of a known uid and resourceVersion is the known one; the others are read."""
    items = [_pod(number) for number in range(PODS)]
    known = {pod.key: pod for pod in parse_list(POD, _compact({"items": items})) if not isinstance(pod, Unreadable)}
    items[0]["metadata"]["resourceVersion"] = "changed"
    items[1]["metadata"]["uid"] = "another"
    items[2]["metadata"]["name"] = "new"
    payload = _compact({"items": items})
    tracemalloc.start()
    pods = parse_list(POD, payload, known=known)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(pods) == [parse_object(POD, item) for item in items]
    assert [pod is known.get(pod.key) for pod in pods] == [False] * 3 + [True] * (PODS - 3)
    assert held / PODS < MOST_BYTES_A_POD / 10


def test_an_object_without_a_version_is_always_read() -> None:
    """Nothing says that it is the same."""
    item = {"metadata": {"name": "p", "uid": "u"}, "status": {"phase": "Running"}}
    (was,) = parse_list(POD, _compact({"items": [{**item, "status": {}}]}))
    assert isinstance(was, Pod)
    (found,) = parse_list(POD, _compact({"items": [item]}), known={was.key: was})
    assert found == parse_object(POD, item)
