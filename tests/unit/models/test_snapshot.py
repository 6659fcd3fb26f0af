"""The snapshot: what is looked up in it, and what a fold changes."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from models.kinds import POD, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Observed, Snapshot, keyed
from tests.builders import NOON, cluster, scheduler, world
from tests.manifests import pod_spec

NAMESPACES = ("here", "there")
NAMES = ("a", "b")
OWNERS = ("DaskCluster-here-a", "DaskCluster-there-b", "DaskWorkerGroup-here-b")


def _metadata(kind: str, namespace: str, name: str, owners: tuple[str, ...], controller: str) -> dict[str, object]:
    return {
        "name": name,
        "namespace": namespace,
        "uid": f"{kind}-{namespace}-{name}",
        "labels": {"dask.org/cluster-name": "a"},
        "ownerReferences": [
            {"apiVersion": "v1", "kind": controller, "name": "x", "uid": uid, "controller": True} for uid in owners
        ],
    }


def _object(kind: str, namespace: str, name: str, owners: tuple[str, ...] = (), controller: str = "x") -> Observed:
    metadata = _metadata(kind, namespace, name, owners, controller)
    part = {"spec": pod_spec()}
    match kind:
        case "DaskCluster":
            return DaskCluster.model_validate({"metadata": metadata, "spec": {"scheduler": part, "worker": part}})
        case "DaskWorkerGroup":
            return DaskWorkerGroup.model_validate(
                {"metadata": metadata, "spec": {"cluster": controller, "worker": part}}
            )
        case _:
            return Pod.model_validate({"metadata": metadata})


objects = st.builds(
    _object,
    st.sampled_from(("DaskCluster", "DaskWorkerGroup", "Pod")),
    st.sampled_from(NAMESPACES),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(OWNERS), max_size=2, unique=True).map(tuple),
    st.sampled_from(("a", "ReplicaSet")),
)
worlds = st.lists(objects, max_size=8).map(keyed)


def _answers(world: Snapshot) -> list[object]:
    """Everything that can be asked of a snapshot, regardless of order."""
    named = list(product(NAMESPACES, (*NAMES, "ReplicaSet")))
    return [
        [keyed(world.everything_of(uid)) for uid in OWNERS],
        [keyed(world.children(uid, Pod)) for uid in OWNERS],
        [keyed(world.groups_of(*name)) for name in named],
        [world.is_run_by_replica_sets(*name) for name in named],
        [keyed(world.of(DaskCluster)), keyed(world.of(DaskWorkerGroup)), keyed(world.of(Pod))],
    ]


@given(worlds, st.lists(worlds, max_size=3), st.data())
def test_a_folded_world_answers_as_one_observed_anew(
    before: dict[Key, Observed], folds: list[dict[Key, Observed]], data: st.DataObject
) -> None:
    """Whatever comes, changes, moves to other owners or goes, in however many folds, nothing stale is answered."""
    world = Snapshot(NOON, before)
    for changed in folds:
        gone = data.draw(st.sets(st.sampled_from(sorted(world.objects)))) if world.objects else set()
        former, asked = world, _answers(world)
        world = world.fold({**changed, **dict.fromkeys(gone)})
        assert _answers(world) == _answers(Snapshot(NOON, dict(world.objects)))
        assert _answers(former) == asked, "a fold must not change the snapshot before it"


def test_a_reference_out_of_another_namespace_means_nothing() -> None:
    """An object is its owner's child only in the owner's namespace."""
    owner = _object("DaskCluster", "here", "a")
    near, far = (_object("Pod", namespace, "p", (owner.metadata.uid,)) for namespace in NAMESPACES)
    world = Snapshot(NOON, keyed([near, far])).fold({owner.key: owner})
    assert world.children(owner.metadata.uid, Pod) == (near,)


def test_children_stay_in_order() -> None:
    """An object that changes keeps its place among its siblings, so that a plan does not depend on the folds."""
    pods = [_object("Pod", "here", name, OWNERS[:1]) for name in "abc"]
    world = Snapshot(NOON, keyed(pods))
    folded = world.fold({Key(POD, "here", "b"): _object("Pod", "here", "b", OWNERS[:1], "y")})
    assert [pod.metadata.name for pod in folded.children(OWNERS[0], Pod)] == ["a", "b", "c"]


def test_a_pod_of_another_namespace_is_nobodys_here() -> None:
    """An owner reference out of another namespace means nothing in Kubernetes, whoever writes it."""
    one = cluster()
    ours, foreign = scheduler(one), scheduler(one, name="aaa", namespace="elsewhere")
    assert world(one, ours, foreign).children(one.metadata.uid, Pod) == (ours,)
