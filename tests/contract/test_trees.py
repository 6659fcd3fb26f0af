"""The selectors by which some trees are observed choose the same objects everywhere."""

from models.kinds import DASK_CLUSTER, SERVICE, Key
from reconciler.passes.observe import Scope, observe
from reconciler.rules.labels import CLUSTER, CLUSTER_NAME, COMPONENT
from tests.builders import NOON
from tests.contract.world import World, key_of, owner, pod, service
from tests.manifests import autoscaler, cluster, group


def test_of_a_tree_is_seen_what_a_look_at_everything_shows(world: World) -> None:
    """Its cluster, groups and autoscalers, and its Pods and Services with and without their label."""
    for name in ("a", "b"):
        top = world.create(cluster(name))
        ours = {CLUSTER: name, CLUSTER_NAME: name, COMPONENT: "worker"}
        workers = world.create(group(f"{name}-group", name), ownerReferences=[owner(top)])
        world.create(autoscaler(f"{name}-auto", name))
        world.create(service(f"{name}-service"), labels=ours, ownerReferences=[owner(top)])
        world.create(service(f"{name}-bare"), labels={COMPONENT: "scheduler"}, ownerReferences=[owner(top)])
        world.create(pod(f"{name}-labelled"), labels=ours, ownerReferences=[owner(workers)])
        world.create(pod(f"{name}-bare"), labels={COMPONENT: "worker"}, ownerReferences=[owner(workers)])
        world.create(pod(f"{name}-strange"), labels={COMPONENT: "worker"})
    everything = observe(world.api, Scope((world.namespace,)), NOON)
    tree = observe(world.api, Scope((world.namespace,), frozenset({Key(DASK_CLUSTER, world.namespace, "a")})), NOON)
    assert not everything.errors
    assert not tree.errors
    mine = {key: one for key, one in everything.snapshot.objects.items() if key.name.startswith("a")}
    assert tree.snapshot.objects == {key: one for key, one in mine.items() if key.name != "a-strange"}
    assert len(mine) == 8
    assert key_of(world.placed(service("a-service"))) in tree.snapshot.objects
    assert everything.versions[SERVICE, world.namespace].isdecimal()
