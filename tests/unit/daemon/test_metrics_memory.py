"""What metrics remember of the last passes, by tree."""

from dataclasses import replace

from reconciler.daemon.metrics_memory import ByTree, Count, World
from reconciler.passes.coverage import Coverage
from tests.builders import cluster, default_group, group
from tests.unit.daemon.passresults import SMALL, passed

CLUSTER = cluster("small", replicas=2)
MORE = group("small", "more", replicas=5)
OF_SMALL = Coverage(trees=frozenset({SMALL}))


def test_what_is_known_may_be_read_while_a_pass_is_taken_in() -> None:
    """Prometheus asks in a thread of its own."""
    known = ByTree[int]()
    known.update(passed(), {"a": (SMALL, 1), "b": (SMALL, 2)})
    reading = known.values()
    assert next(reading) == 1
    known.update(passed(), {"c": (SMALL, 3)})
    assert list(reading) == [2]


def test_a_group_that_has_come_to_a_cluster_counts_once() -> None:
    """Without a cluster it was a tree of its own."""
    world = World()
    world.update(passed(objects=[MORE]))
    world.update(replace(passed(objects=[CLUSTER, default_group(CLUSTER), MORE]), coverage=OF_SMALL))
    assert world.count(Count.WANTED)["default", "small"] == 7
    assert world.count(Count.OBJECTS)["DaskWorkerGroup",] == 2


def test_a_pass_over_one_tree_says_nothing_of_another_of_which_it_saw_a_part() -> None:
    """Such as a cluster that took the name that it wanted."""
    world, other = World(), cluster("other")
    world.update(passed(objects=[CLUSTER, other, default_group(other, replicas=4)]))
    world.update(replace(passed(objects=[CLUSTER, other]), coverage=OF_SMALL))
    assert world.count(Count.WANTED)["default", "other"] == 4
