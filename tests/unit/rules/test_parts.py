"""Who plays which part among an owner's children, and which resource is at the top of a tree."""

from collections.abc import Iterable
from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, Key
from models.observed import Service
from models.resources import DaskCluster
from models.snapshot import Observed
from reconciler.rules.labels import NAMING, ORDINAL, ROLE, SET_BY_OWNER, Role
from reconciler.rules.names import Naming
from reconciler.rules.parts import (
    ClusterParts,
    JobParts,
    find_child,
    in_role,
    is_live,
    naming_or_default,
    outlives_its_cluster,
    recorded_naming,
    tree_of,
    workers_of,
)
from reconciler.rules.template_hash import scheduler_hash
from tests.builders import (
    NOON,
    autoscaler,
    cluster,
    default_group,
    group,
    job,
    job_cluster,
    pod,
    reference,
    runner,
    scheduler,
    service,
    unreadable,
    worker,
    world,
)

OWNER = cluster()


def _service(name: str, role: Role = Role.USER_SERVICE, **more: Any) -> Service:
    return service(name, owner=OWNER, role=role, **more)


def test_a_child_is_found_by_its_role_whatever_its_name() -> None:
    """Names may change with the naming set; the role stays."""
    one, other = _service("any"), _service("simple-service", Role.COMM_SERVICE)
    assert find_child([other, one], Role.USER_SERVICE, "simple-service") is one


def test_a_copy_of_a_child_is_not_taken_for_it() -> None:
    """Who copies an object, annotations and all, to make one of their own, keeps both."""
    original, copy = _service("simple-service"), _service("a-copy")
    for candidates in ([original, copy], [copy, original]):
        assert find_child(candidates, Role.USER_SERVICE, "simple-service") is original


def test_a_child_on_its_way_out_is_not_found() -> None:
    """Its successor is wanted already."""
    assert find_child([_service("simple-service", deleting=True)], Role.USER_SERVICE, "simple-service") is None


def test_a_child_whose_role_was_taken_away_is_known_by_its_name_and_other_marks() -> None:
    """One annotation less, by someone's hand, makes no duplicate; a stranger of that name is no child."""
    marked = service("simple-service", owner=OWNER, annotations={SET_BY_OWNER: "{}"})
    stranger = service("simple-service", owner=OWNER)
    assert find_child([marked], Role.USER_SERVICE, "simple-service") is marked
    assert find_child([stranger], Role.USER_SERVICE, "simple-service") is None
    assert find_child([marked], Role.USER_SERVICE, "another") is None


def test_what_a_user_hangs_on_a_resource_is_not_a_child() -> None:
    """A notebook Pod that is to go with the cluster is no scheduler, whatever it is called."""
    mine = pod("simple-scheduler", owner=OWNER, annotations={ROLE: str(Role.SCHEDULER)})
    replacement = pod("simple-scheduler-0a1b2", owner=OWNER, annotations={ORDINAL: "1"})
    theirs = [pod("simple-scheduler-proxy", owner=OWNER), pod("notebook", owner=OWNER, annotations={ORDINAL: "1"})]
    assert in_role([mine, replacement, *theirs], Role.SCHEDULER, "simple-scheduler") == (mine, replacement)


def test_a_naming_set_is_read_where_it_was_recorded() -> None:
    """Without a record, or with a damaged one, the resource is new."""
    assert recorded_naming(cluster(naming=Naming.CURRENT)) is Naming.CURRENT
    assert recorded_naming(cluster(naming=None)) is None
    assert recorded_naming(cluster(naming=None, annotations={NAMING: "modern"})) is None
    assert naming_or_default(cluster(naming=Naming.CURRENT)) is Naming.CURRENT
    assert naming_or_default(cluster(naming=None)) is Naming.CLASSIC


def test_builders_agree_with_the_code_on_what_a_default_group_is() -> None:
    """The tests' own objects are found as children."""
    one = default_group(OWNER)
    assert find_child([one], Role.DEFAULT_GROUP, one.metadata.name) is one
    assert one.key == Key(DASK_WORKER_GROUP, "default", "simple-default-worker-group")


def test_what_belonged_to_a_cluster_that_is_gone_outlives_it() -> None:
    """One that never had a cluster waits for it; one whose cluster cannot be read, or has a namesake, does not go."""
    mine, free = group(OWNER), group("simple", "free")
    moved = group("simple", "moved", ownerReferences=[reference(cluster("other"))])
    assert outlives_its_cluster(mine, world(mine))
    assert outlives_its_cluster(autoscaler(OWNER), world())
    assert outlives_its_cluster(moved, world(moved))
    assert not outlives_its_cluster(free, world(free))
    assert not outlives_its_cluster(mine, world(mine, OWNER))
    assert not outlives_its_cluster(mine, world(mine, unreadable(DASK_CLUSTER, "simple")))
    assert not outlives_its_cluster(mine, world(mine, cluster(uid="another")))
    assert not outlives_its_cluster(moved, world(moved, cluster("other")))


HELPER = {"labels": {"dask.org/component": "scheduler"}}


def _parts(*objects: Observed, of: DaskCluster = OWNER) -> ClusterParts:
    return ClusterParts(of, world(of, *objects))


def _names(objects: Iterable[Observed]) -> list[str]:
    return sorted(one.metadata.name for one in objects)


def test_the_scheduler_is_the_one_that_lasts_or_else_the_one_to_be_replaced() -> None:
    """A ready one first, then by name; one that is ending or has ended is none, and yet a scheduler Pod."""
    old, ended = scheduler(OWNER, name="simple-scheduler-b", template_hash="old"), scheduler(OWNER, phase="Failed")
    unready, ready = (scheduler(OWNER, name=f"simple-scheduler-{name}", ready=name == "d") for name in "cd")
    going = scheduler(OWNER, name="simple-scheduler-e", deleting=NOON)
    every = _parts(old, ended, unready, ready, going)
    assert _names(every.schedulers) == _names([old, ended, unready, ready, going])
    assert _names(every.living_schedulers) == _names([old, unready, ready])
    assert (every.lasting_scheduler, every.scheduler) == (ready, ready)
    assert _parts(old, unready).lasting_scheduler is unready
    before = _parts(old, ended, going)
    assert (before.lasting_scheduler, before.scheduler) == (None, old)
    assert (_parts(ended, going).lasting_scheduler, _parts(ended, going).scheduler) == (None, None)


def test_with_on_delete_a_scheduler_of_an_older_template_lasts() -> None:
    """It is there to stay until someone deletes it."""
    of = cluster(scheduler={"updateStrategy": {"type": "OnDelete"}})
    old = scheduler(of, template_hash="old")
    assert _parts(old, of=of).lasting_scheduler is old


def test_workers_belong_to_the_scheduler_that_lasts_or_the_one_to_come() -> None:
    """Not to one that is to be replaced."""
    present = scheduler_hash(OWNER)
    assert _parts().scheduler_hash == present
    assert _parts(scheduler(OWNER, template_hash="old")).scheduler_hash == present
    of = cluster(scheduler={"updateStrategy": {"type": "OnDelete"}})
    assert _parts(scheduler(of, template_hash="old"), of=of).scheduler_hash == "old"


@pytest.mark.parametrize(
    ("naming", "expected"),
    [
        (Naming.CLASSIC, [(Role.USER_SERVICE, "simple-service"), (Role.COMM_SERVICE, "simple-scheduler")]),
        (Naming.CURRENT, [(Role.USER_SERVICE, "simple-scheduler")]),
    ],
)
def test_a_cluster_has_the_services_of_its_naming_set(naming: Naming, expected: list[tuple[Role, str]]) -> None:
    """There or not."""
    of = cluster(naming=naming)
    role, name = expected[0]
    there = service(name, owner=of, role=role)
    assert _parts(of=of).services == tuple((*one, None) for one in expected)
    assert _parts(there, of=of).services[0] == (role, name, there)


def test_a_cluster_has_the_groups_that_name_it_and_one_of_its_own() -> None:
    """Without those that are being deleted."""
    own, other = default_group(OWNER), group("simple", "other")
    going, elsewhere = group("simple", "going", deleting=True), group("another", "elsewhere")
    parts = _parts(own, other, going, elsewhere)
    assert _names(parts.groups) == _names([own, other])
    assert parts.default_group is own
    assert _parts(other).default_group is None


def test_a_groups_workers_are_its_own_in_that_role() -> None:
    """Whatever their state; a helper Pod that a user made the group's, and another group's worker, are none."""
    one, other = group(OWNER), group(OWNER, "other")
    mine = (worker(one, OWNER, 1), worker(one, OWNER, 2, phase="Failed"), worker(one, OWNER, 3, deleting=NOON))
    helper = pod("more-worker-helper", owner=one, labels={"dask.org/component": "worker"})
    assert _names(workers_of(one, world(*mine, helper, worker(other, OWNER, 1)))) == _names(mine)


def test_a_helper_pod_of_the_cluster_is_no_scheduler() -> None:
    """Not by its label, nor by its name."""
    assert _parts(pod("simple-scheduler", owner=OWNER, **HELPER), pod("proxy", owner=OWNER, **HELPER)).schedulers == ()


def test_a_job_has_a_cluster_and_a_runner() -> None:
    """Those that are being deleted are among them, and are not the one that counts."""
    one = job()
    of, run = job_cluster(one), runner(one)
    helper = pod("train-runner-helper", owner=one, labels={"dask.org/component": "job-runner"})
    theirs = cluster("notebook", owner=one)
    parts = JobParts(one, world(one, of, run, helper, theirs))
    assert (parts.clusters, parts.cluster, parts.runners, parts.runner) == ((of,), of, (run,), run)
    of_going, run_going = job_cluster(one, deleting=NOON), runner(one, deleting=NOON)
    ending = JobParts(one, world(one, of_going, run_going))
    assert (ending.clusters, ending.cluster) == ((of_going,), None)
    assert (ending.runners, ending.runner) == ((run_going,), None)


@pytest.mark.parametrize(
    ("more", "live"),
    [({}, True), ({"phase": "Pending"}, True), ({"phase": "Succeeded"}, False), ({"deleting": NOON}, False)],
)
def test_a_pod_is_live_that_is_there_to_stay(more: dict[str, Any], *, live: bool) -> None:
    """Ready or not."""
    assert is_live(pod("p", **more)) is live


def test_at_the_top_of_a_tree_is_a_job_or_a_cluster_that_belongs_to_none() -> None:
    """Turns, backoffs and conflicts count by it; what names a cluster that is not there is a tree of its own."""
    top = job()
    of_job = job_cluster(top)
    own, of_its_cluster, lost = cluster(), group("train-cluster"), group("nobody", "lost")
    snapshot = world(top, of_job, own, group(own), of_its_cluster, lost)
    for one in (top, of_job, of_its_cluster, autoscaler("train-cluster")):
        assert tree_of(one, snapshot) == top.key
    assert tree_of(group(own), snapshot) == own.key
    assert tree_of(lost, snapshot) == lost.key
