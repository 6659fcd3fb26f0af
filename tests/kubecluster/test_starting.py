"""Finding or making a cluster, and what happens if it does not start."""

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kubecluster import KubeCluster
from kubecluster.errors import (
    AlreadyExists,
    ClusterNotFound,
    CrashLoop,
    ForwardFailed,
    ImagePullFailed,
    KubeClusterError,
    NoKubernetes,
    NoOperator,
    NotAllowed,
    NotInstalled,
    QuotaExceeded,
    RequestFailed,
    Unreachable,
    WrongContext,
)
from models.kinds import DASK_CLUSTER, POD, Key, Kind
from tests.kubecluster import sights
from tests.kubecluster.fakekubernetes import Refusal
from tests.kubecluster.livingworld import LivingWorld
from tests.realcluster.eventually import eventually

QUOTA = 'daskclusters.kubernetes.dask.org "a-cluster" is forbidden: exceeded quota: few, requested: count=1'


def made(**more: Any) -> KubeCluster:
    """A cluster that shows nothing."""
    return KubeCluster(**{"name": "a", "quiet": True, **more})


@pytest.mark.parametrize(
    ("mode", "there", "ends"),
    [
        ("CREATE_ONLY", False, True),
        ("CREATE_ONLY", True, AlreadyExists),
        ("CREATE_OR_CONNECT", False, True),
        ("CREATE_OR_CONNECT", True, False),
        ("CONNECT_ONLY", False, ClusterNotFound),
        ("CONNECT_ONLY", True, False),
        (None, False, True),
        (None, True, False),
    ],
)
def test_the_mode_says_whether_a_cluster_is_made_or_joined(
    world: LivingWorld, mode: str | None, *, there: bool, ends: bool | type[Exception]
) -> None:
    """What was made is deleted in the end, what was joined stays, and an error changes nothing."""
    if there:
        world.cluster("a-cluster")
    if isinstance(ends, bool):
        with made(create_mode=mode) as cluster:
            assert cluster.shutdown_on_close is ends
    else:
        with pytest.raises(ends, match=r"default/a-cluster"):
            made(create_mode=mode)
    assert world.names(DASK_CLUSTER) == (["a-cluster"] if there else [])


@pytest.mark.parametrize("join", [made, KubeCluster.from_name], ids=["by its arguments", "by its name"])
def test_arguments_that_come_too_late_are_warned_about_in_the_callers_line(
    world: LivingWorld, join: Callable[..., KubeCluster]
) -> None:
    """A cluster that is joined stays as it is; what is only configured is nobody's mistake."""
    world.cluster("a-cluster")
    late = "is joined as it is, so these are ignored: image, n_workers. Use scale, choose another name, or set"
    with pytest.warns(UserWarning, match=f"default/a-cluster was there already and {late}") as warned:
        join(name="a", n_workers=7, image="other:1", wait_timeout=60, quiet=True).close()
    assert [each.filename for each in warned] == [__file__]


def test_joining_none_says_which_names_were_looked_for(world: LivingWorld) -> None:
    """Both may be meant."""
    with pytest.raises(ClusterNotFound, match="no DaskCluster default/a-cluster and no default/a"):
        KubeCluster.from_name("a", quiet=True)
    assert world.is_empty()


@pytest.mark.parametrize("mode", ["CREATE_ONLY", "CREATE_OR_CONNECT"])
def test_a_cluster_that_is_about_to_go_is_waited_for_and_made_anew(world: LivingWorld, mode: str) -> None:
    """Whoever starts a program again does not meet what the last run left."""
    old = world.cluster("a-cluster", finalizers=["example.com/mine"])["metadata"]["uid"]
    key = Key(DASK_CLUSTER, "default", "a-cluster")
    world.api.delete(key, old)
    threading.Timer(0.5, lambda: world.api.edit(key, {"metadata": {"finalizers": None}})).start()
    with made(create_mode=mode) as cluster:
        assert cluster.shutdown_on_close
        assert world.get(DASK_CLUSTER, "a-cluster")["metadata"]["uid"] != old
    world.leaves_nothing()


def test_a_cluster_that_does_not_go_is_an_error(world: LivingWorld) -> None:
    """Who set the finalizer is told."""
    body = world.cluster("a-cluster", finalizers=["example.com/mine"])
    world.api.delete(Key(DASK_CLUSTER, "default", "a-cluster"), body["metadata"]["uid"])
    with pytest.raises(TimeoutError, match=r"example\.com/mine"):
        made(resource_timeout=0.2)


def test_a_cluster_that_is_about_to_go_is_not_joined(world: LivingWorld) -> None:
    """It would be gone in the middle of the work."""
    body = world.cluster("a-cluster", finalizers=["example.com/mine"])
    world.api.delete(Key(DASK_CLUSTER, "default", "a-cluster"), body["metadata"]["uid"])
    with pytest.raises(TimeoutError, match="is being deleted"):
        made(create_mode="CONNECT_ONLY")


@pytest.mark.parametrize(
    ("trouble", "error", "words"),
    [
        (Refusal(403, "create", "daskclusters", QUOTA), QuotaExceeded, "exceeded quota: few"),
        (Refusal(403, "create", "daskclusters", 'User "eve" cannot create it'), NotAllowed, "eve"),
        (Refusal(403, "get", "daskclusters", 'User "eve" cannot get it'), NotAllowed, "eve"),
        (Refusal(401), NotAllowed, "does not know who we are"),
        (Refusal(422, "create", message="spec.worker: wrong", reason="Invalid"), RequestFailed, "spec.worker: wrong"),
    ],
)
def test_what_kubernetes_refuses_is_an_error_at_once_and_leaves_nothing(
    world: LivingWorld, trouble: Refusal, error: type[Exception], words: str
) -> None:
    """In its own words."""
    world.server.troubles.append(trouble)
    began = time.monotonic()
    with pytest.raises(error, match=words):
        made()
    assert time.monotonic() - began < 20
    assert world.is_empty()


def test_without_the_definitions_nobody_can_make_a_cluster(world: LivingWorld) -> None:
    """The message says what to install."""
    world.server.troubles.append(Refusal(404, resource="daskclusters", reason="NotFound", bare=True))
    with pytest.raises(NotInstalled, match="custom resource definitions"):
        made()


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (sights.waits("ErrImagePull", "no such image"), ImagePullFailed, "no such image"),
        (sights.crashes(1, restarts=5), CrashLoop, "ImportError: no dask"),
    ],
)
def test_a_scheduler_that_does_not_start_is_an_error_that_says_why_and_is_deleted(
    world: LivingWorld, status: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Each trouble has its own exception; the note says what became of the cluster."""
    world.statuses["broken"] = status
    world.server.logs["a-cluster-scheduler"] = "ImportError: no dask\n"
    with pytest.raises(error, match=words) as raised:
        made(image="broken", resource_timeout=0.5)
    assert raised.value.__notes__ == ["The DaskCluster default/a-cluster was deleted again; see shutdown_on_close."]
    world.leaves_nothing()


def test_a_cluster_that_is_to_stay_stays_though_it_does_not_start(world: LivingWorld) -> None:
    """People want to see what is wrong with it."""
    world.statuses["broken"] = sights.waits("ErrImagePull", "no such image")
    with pytest.raises(ImagePullFailed) as raised:
        made(image="broken", resource_timeout=0.5, shutdown_on_close=False)
    assert not getattr(raised.value, "__notes__", [])
    assert world.names(DASK_CLUSTER) == ["a-cluster"]


def test_where_nobody_acts_it_is_said_after_a_while(world: LivingWorld) -> None:
    """Neither our reconciler nor dask-kubernetes' operator runs."""
    world.has_reconciler = False
    with pytest.raises(NoOperator, match="Nobody acts on the DaskCluster"):
        made(resource_timeout=1)
    world.leaves_nothing()


def test_a_failed_start_whose_cluster_cannot_be_deleted_says_that_too(
    world: LivingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on and costs money; the end of the program tries again."""
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", at_exit.append)
    world.statuses["broken"] = sights.waits("ErrImagePull", "no such image")
    world.server.troubles.append(Refusal(403, "delete", message='User "eve" cannot delete it'))
    with pytest.raises(ImagePullFailed) as raised:
        made(image="broken", resource_timeout=0.5)
    (note,) = raised.value.__notes__
    assert "default/a-cluster is not deleted yet" in note
    assert "eve" in note
    world.server.troubles.clear()
    for end in at_exit:
        end()
    world.leaves_nothing()


def test_a_server_that_is_away_in_the_middle_is_waited_for(world: LivingWorld) -> None:
    """It is updated now and then."""
    world.server.troubles.append(Refusal(0, "list", times=7))
    with made():
        assert world.server.troubles[0].times == 0
    world.leaves_nothing()


def test_a_server_that_stays_away_is_an_error_after_the_time_for_trouble(world: LivingWorld) -> None:
    """What was made is deleted nevertheless, as far as it can be."""
    world.server.troubles.append(Refusal(0, "list"))
    with pytest.raises(Unreachable):
        made(resource_timeout=1)
    world.leaves_nothing()


def test_without_rights_on_events_a_cluster_starts(world: LivingWorld) -> None:
    """They only say more."""
    world.server.troubles.append(Refusal(403, resource="events", message='User "eve" cannot list events'))
    with made():
        pass
    world.leaves_nothing()


def test_a_scheduler_that_cannot_be_reached_is_an_error_with_its_cause(world: LivingWorld) -> None:
    """Ports are not forwarded to who has no right to that."""
    message = 'User "eve" cannot create resource "pods/portforward"'
    world.server.refuse_forwarding = (403, message)
    with pytest.raises(ForwardFailed, match="eve"):
        made(resource_timeout=1)
    world.leaves_nothing()


@pytest.mark.parametrize("kind", [DASK_CLUSTER, POD], ids=["while it is made", "while it starts"])
def test_whoever_loses_patience_leaves_nothing(world: LivingWorld, kind: Kind) -> None:
    """Ctrl-C ends the start, and what was made is gone when the program goes on."""
    world.statuses["sleepy"] = {"phase": "Pending", "containerStatuses": []}

    def interrupt() -> None:
        eventually(lambda: bool(world.names(kind)), f"a {kind}")
        os.kill(os.getpid(), signal.SIGINT)

    impatience = threading.Thread(target=interrupt)
    impatience.start()
    with pytest.raises(KeyboardInterrupt):
        made(image="sleepy")
    impatience.join()
    assert world.names(DASK_CLUSTER) == []
    eventually(world.is_empty, "an empty world")


@pytest.mark.parametrize(
    ("given", "error"), [({"context": "none"}, WrongContext), ({"kubeconfig": "/no/such/file"}, NoKubernetes)]
)
def test_a_kubernetes_that_is_not_there_is_an_error_at_once(
    world: LivingWorld, given: dict[str, str], error: type[KubeClusterError]
) -> None:
    """Nothing has been asked of any by then."""
    with pytest.raises(error):
        made(**given)
    assert world.server.requests == []


def test_the_time_for_all_of_it_can_be_limited(world: LivingWorld) -> None:
    """Nothing is wrong, it only takes long."""
    world.statuses["slow"] = sights.CREATING
    with pytest.raises(TimeoutError, match="must wait for the containers"):
        made(image="slow", wait_timeout=1)
    world.leaves_nothing()
