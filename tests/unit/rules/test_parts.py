"""Parts: which of an owner's children is which."""

from typing import Any

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, Key
from models.observed import Service
from reconciler.rules.labels import NAMING, ORDINAL, ROLE, SET_BY_OWNER, Role
from reconciler.rules.names import Naming
from reconciler.rules.parts import find_child, in_role, naming_or_default, recorded_naming, outlives_its_cluster
from tests.builders import autoscaler, cluster, default_group, group, pod, reference, service, unreadable, world

OWNER = cluster()


def _service(name: str, role: Role | None = Role.USER_SERVICE, **more: Any) -> Service:
    return service(name, owner=OWNER, annotations={} if role is None else {ROLE: str(role)}, **more)


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
