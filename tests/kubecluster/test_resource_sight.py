"""A cluster in Kubernetes: what is seen of it."""

import pytest

from kubecluster.errors import ClusterGone, RequestFailed
from kubecluster.names import Component, Naming
from kubecluster.resource import ClusterResource, listed
from models.kinds import POD, SERVICE, Key
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld

DEFAULT_GROUPS = {Naming.CLASSIC: "simple-default-worker-group", Naming.CURRENT: "simple-default"}


def test_a_sight_holds_all_that_belongs_to_the_cluster_and_nothing_else(
    resource: ClusterResource, naming: Naming, quiet_world: LivingWorld
) -> None:
    """Under classic names there are two Services, one of which has no label."""
    quiet_world.cluster("other")
    quiet_world.reconcile()
    quiet_world.event("simple-scheduler", "it fell")
    sight = resource.sight()
    assert sight.cluster is not None
    assert [body["metadata"]["name"] for body in sight.groups] == [DEFAULT_GROUPS[naming]]
    assert [body["metadata"]["name"] for body in sight.pods] == ["simple-scheduler"]
    services = ["simple-scheduler"] if naming is Naming.CURRENT else ["simple-service", "simple-scheduler"]
    assert [body["metadata"]["name"] for body in sight.services] == services
    assert [event["message"] for event in sight.events] == ["it fell"]
    assert not resource.sight(with_events=False).events


def test_who_may_not_see_events_sees_all_the_rest(
    resource: ClusterResource, naming: Naming, quiet_world: LivingWorld
) -> None:
    """They say more, but are not needed."""
    quiet_world.server.troubles.append(Refusal(403, resource="events", message='User "eve" cannot list events'))
    sight = resource.sight()
    assert (sight.events, len(sight.pods)) == ((), 1)
    assert naming


def test_a_cluster_without_anything_can_be_seen(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Nobody may have acted on it yet, and it may not exist."""
    assert resource.sight().cluster is None
    quiet_world.cluster("simple")
    assert resource.sight().services == ()


def test_pods_are_listed_by_their_component(resource: ClusterResource, naming: Naming) -> None:
    """A scheduler is no worker."""
    assert [pod["metadata"]["name"] for pod in resource.pods(Component.SCHEDULER)] == ["simple-scheduler"]
    assert resource.pods(Component.WORKER) == []
    assert naming


def test_the_scheduler_pod_is_one_that_lives(
    resource: ClusterResource, naming: Naming, quiet_world: LivingWorld
) -> None:
    """What has ended takes no connections; whether the cluster is gone or only its Pod makes a difference."""
    assert resource.scheduler_pod()["metadata"]["name"] == "simple-scheduler"
    quiet_world.api.set_status(Key(POD, "default", "simple-scheduler"), {"phase": "Failed"})
    with pytest.raises(RequestFailed, match="has no scheduler Pod at the moment"):
        resource.scheduler_pod()
    resource.delete()
    with pytest.raises(ClusterGone, match="it was deleted"):
        resource.scheduler_pod()
    assert naming


def test_the_service_for_clients_is_the_same_under_both_namings(
    resource: ClusterResource, naming: Naming, quiet_world: LivingWorld
) -> None:
    """Under classic names another one has the user's specification."""
    assert resource.service()["metadata"]["name"] == "simple-scheduler"
    assert len(quiet_world.names(SERVICE)) == (2 if naming is Naming.CLASSIC else 1)


def test_clusters_are_listed_by_namespace_and_name(resource: ClusterResource, quiet_world: LivingWorld) -> None:
    """Of one namespace, or of all."""
    for namespace, name in (("b", "y"), ("a", "z"), ("b", "x")):
        quiet_world.cluster(name, namespace)
    assert [str(one) for one in listed(resource.kubernetes, None)] == ["a/z", "b/x", "b/y"]
    assert [str(one) for one in listed(resource.kubernetes, "b")] == ["b/x", "b/y"]
