"""A cluster in Kubernetes: what is asked of it, and what is there afterwards."""

import re
from pathlib import Path
from typing import Any

import pytest

from kubecluster.api import connect
from kubecluster.errors import AlreadyExists, ClusterNotFound, Invalid, NotAllowed, RequestFailed
from kubecluster.names import OWNER_SEEN, Naming
from kubecluster.resource import WITHOUT_LIMIT, ClusterResource
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_WORKER_GROUP
from reconciler.memory import MemoryAPI
from tests.http.connection import kubeconfig
from tests.kubecluster.fakekubernetes import FakeKubernetes, Refusal
from tests.kubecluster.livingworld import LivingWorld, now

DEFAULT_GROUPS = {Naming.CLASSIC: "simple-default-worker-group", Naming.CURRENT: "simple-default"}
WORKER: dict[str, Any] = {"replicas": 2, "spec": {"containers": [{"name": "worker", "image": "dask"}]}}


def test_a_cluster_that_is_not_there_is_none_to_find_and_an_error_to_read(resource: ClusterResource) -> None:
    """Whoever looks gets None; whoever relies on it an error that is a ValueError, as in dask-kubernetes."""
    assert resource.find() is None
    with pytest.raises(ClusterNotFound, match="no DaskCluster default/simple"):
        resource.read()


def test_find_hides_no_other_trouble(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """That one may not look is no proof that there is nothing."""
    quiet_world.server.troubles.append(Refusal(403, message='User "eve" cannot get resource "daskclusters"'))
    with pytest.raises(NotAllowed, match="eve"):
        resource.find()


def test_the_default_group_is_called_default_under_both_namings(resource: ClusterResource, naming: Naming) -> None:
    """Nobody has to know how it is called in Kubernetes, but may."""
    group = resource.group("default")
    assert group["metadata"]["name"] == DEFAULT_GROUPS[naming]
    assert resource.short_name(group) == "default"
    assert resource.group(DEFAULT_GROUPS[naming]) == group


def test_a_group_is_found_by_its_short_and_its_whole_name(resource: ClusterResource, naming: Naming) -> None:
    """Both are in use: people write the one, kubectl shows the other."""
    made = resource.add_group("gpu", WORKER)
    assert made["metadata"]["name"] == "simple-gpu", naming
    assert resource.group("gpu") == resource.group("simple-gpu")
    assert resource.short_name(made) == "gpu"


def test_an_unknown_group_is_refused_with_the_names_of_those_there_are(
    resource: ClusterResource, naming: Naming
) -> None:
    """The names are those that people use."""
    resource.add_group("gpu", WORKER)
    with pytest.raises(ClusterNotFound, match=re.escape("has no worker group 'cpu'; it has: default, gpu.")):
        resource.group("cpu")
    assert naming


def test_a_group_of_another_cluster_is_not_its_own(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Clusters whose names begin alike do not see each other's groups."""
    quiet_world.cluster("simple")
    quiet_world.cluster("simple-gpu")
    quiet_world.reconcile()
    assert [group["metadata"]["name"] for group in resource.groups()] == ["simple-default-worker-group"]


@pytest.mark.parametrize("group", ["default", "gpu"])
def test_scaling_changes_the_group_alone(
    resource: ClusterResource, naming: Naming, quiet_world: LivingWorld, group: str
) -> None:
    """The other groups keep their numbers, and the DaskCluster its specification."""
    resource.add_group("gpu", WORKER)
    before = quiet_world.get(DASK_CLUSTER, "simple")["spec"]
    resource.scale(7, group)
    replicas = {"default": 0, "gpu": 2, group: 7}
    assert quiet_world.replicas("simple-gpu") == replicas["gpu"]
    assert quiet_world.replicas(DEFAULT_GROUPS[naming]) == replicas["default"]
    assert quiet_world.get(DASK_CLUSTER, "simple")["spec"] == before


def test_scaling_before_there_is_a_group_scales_what_it_will_be_made_of(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Right after a cluster was created, its default group does not exist yet."""
    quiet_world.cluster("simple")
    resource.scale(3)
    quiet_world.reconcile()
    assert quiet_world.replicas("simple-default-worker-group") == 3


@pytest.mark.parametrize("group", ["default", "gpu"])
def test_scaling_what_is_not_there_is_an_error(resource: ClusterResource, group: str) -> None:
    """A typing mistake in a name does not pass for success."""
    with pytest.raises(ClusterNotFound):
        resource.scale(3, group)


@pytest.mark.parametrize("group", ["default", "gpu"])
def test_adapting_writes_one_autoscaler_for_a_group_and_scaling_removes_it(
    resource: ClusterResource, naming: Naming, quiet_world: LivingWorld, group: str
) -> None:
    """It is called as dask-kubernetes calls it; other bounds change it; what scales by hand ends it."""
    resource.add_group("gpu", WORKER)
    resource.adapt(1, 5, group)
    assert naming
    name = "simple" if group == "default" else "simple-gpu"
    spec = {"cluster": "simple", "minimum": 1, "maximum": 5, **({"workerGroup": name} if group == "gpu" else {})}
    assert quiet_world.get(DASK_AUTOSCALER, name)["spec"] == spec
    resource.adapt(0, WITHOUT_LIMIT, group)
    assert quiet_world.get(DASK_AUTOSCALER, name)["spec"] == {**spec, "minimum": 0, "maximum": WITHOUT_LIMIT}
    assert len(resource.autoscalers()) == 1
    resource.scale(2, group)
    assert resource.autoscalers() == ()


def test_the_default_group_adapts_alike_by_either_of_its_names(
    resource: ClusterResource, naming: Naming, quiet_world: LivingWorld
) -> None:
    """There are never two autoscalers of one group."""
    resource.adapt(1, 2)
    resource.adapt(3, 4, DEFAULT_GROUPS[naming])
    assert quiet_world.names(DASK_AUTOSCALER) == ["simple"]
    resource.stop_adapting(DEFAULT_GROUPS[naming])
    assert quiet_world.names(DASK_AUTOSCALER) == []


def test_adapting_a_cluster_that_is_not_there_is_an_error(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """No autoscaler is left behind that would adapt a later cluster of that name."""
    with pytest.raises(ClusterNotFound):
        resource.adapt(1, 2)
    assert quiet_world.is_empty()


def test_what_was_added_goes_with_the_cluster_even_if_nobody_has_acted_on_it(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """An autoscaler that stayed would take hold of the next cluster of that name."""
    quiet_world.cluster("simple")
    resource.add_group("gpu", WORKER)
    resource.adapt(1, 2)
    resource.delete()
    assert quiet_world.is_empty(), quiet_world.everything()


def test_an_installation_that_cannot_adapt_other_groups_says_so_and_keeps_nothing(tmp_path: Path) -> None:
    """dask-kubernetes' definitions drop the group's name, and the autoscaler would scale the default group."""

    class Older(MemoryAPI):
        def create(self, kind: Any, body: Any) -> Any:
            body.get("spec", {}).pop("workerGroup", None)
            return super().create(kind, body)

    with FakeKubernetes(Older(now)) as server:
        connected = connect(kubeconfig=str(kubeconfig(tmp_path / "kubeconfig", server.url)))
        resource = ClusterResource(connected, "default", "simple")
        LivingWorld(server, tmp_path, None).cluster("simple")  # type: ignore[arg-type]
        resource.add_group("gpu", WORKER)
        with pytest.raises(RequestFailed, match="'gpu' of default/simple cannot adapt"):
            resource.adapt(1, 2, "gpu")
        assert server.api.objects(DASK_AUTOSCALER) == ()
        connected.close()


@pytest.mark.parametrize("name", ["default", "gpu"])
def test_a_group_cannot_be_added_twice(resource: ClusterResource, naming: Naming, name: str) -> None:
    """The default group is there from the start, whatever it is called."""
    resource.add_group("gpu", WORKER)
    with pytest.raises(AlreadyExists, match=name):
        resource.add_group(name, WORKER)
    assert naming


@pytest.mark.parametrize("name", ["GPU", "a_b", "-", "x" * 240])
def test_a_group_is_not_added_under_a_name_that_kubernetes_does_not_take(
    resource: ClusterResource, quiet_world: LivingWorld, name: str
) -> None:
    """It is said before Kubernetes is asked."""
    with pytest.raises(ValueError, match="worker group"):
        resource.add_group(name, WORKER)
    assert quiet_world.server.requests == []


def test_a_worker_specification_that_is_wrong_is_refused_with_its_field(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Kubernetes' own words name the field."""
    quiet_world.cluster("simple")
    with pytest.raises(Invalid, match=r"spec\.worker\.replicas"):
        resource.add_group("gpu", {**WORKER, "replicas": "many"})


def test_a_group_is_deleted_with_what_scales_it(
    resource: ClusterResource, naming: Naming, quiet_world: LivingWorld
) -> None:
    """The default group and its autoscaler stay."""
    resource.add_group("gpu", WORKER)
    resource.adapt(1, 2)
    resource.adapt(1, 2, "gpu")
    resource.delete_group("gpu")
    assert quiet_world.names(DASK_WORKER_GROUP) == [DEFAULT_GROUPS[naming]]
    assert quiet_world.names(DASK_AUTOSCALER) == ["simple"]


def test_the_default_group_is_not_deleted(resource: ClusterResource, naming: Naming, quiet_world: LivingWorld) -> None:
    """It belongs to the cluster: the reconciler would make it again."""
    for name in ("default", DEFAULT_GROUPS[naming]):
        with pytest.raises(ValueError, match="Scale it to 0 instead"):
            resource.delete_group(name)
    assert quiet_world.names(DASK_WORKER_GROUP) == [DEFAULT_GROUPS[naming]]


def test_a_group_that_is_not_there_is_not_deleted(resource: ClusterResource, naming: Naming) -> None:
    """It is an error, as a wrong name is likely."""
    with pytest.raises(ClusterNotFound):
        resource.delete_group("gpu")
    assert naming


def test_deleting_a_cluster_twice_is_fine(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Whoever wants it gone has what is wanted."""
    quiet_world.cluster("simple")
    resource.delete()
    resource.delete()
    assert quiet_world.is_empty()


def test_a_cluster_that_only_has_the_same_name_is_neither_deleted_nor_annotated(
    resource: ClusterResource, quiet_world: LivingWorld
) -> None:
    """Between two looks somebody may have deleted ours and made another."""
    ours = quiet_world.cluster("simple")["metadata"]["uid"]
    resource.delete()
    quiet_world.cluster("simple")
    resource.delete(uid=ours)
    with pytest.raises(RequestFailed):
        resource.annotate({OWNER_SEEN: "now"}, uid=ours)
    assert "annotations" not in quiet_world.get(DASK_CLUSTER, "simple")["metadata"]


def test_annotations_are_set_and_taken_away(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Those of others stay."""
    quiet_world.cluster("simple", annotations={"a": "1", "b": "2"})
    resource.annotate({"b": None, "c": "3"})
    assert quiet_world.get(DASK_CLUSTER, "simple")["metadata"]["annotations"] == {"a": "1", "c": "3"}
