"""Looking at one tree is looking at everything, but for the rest."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from models.kinds import EVENT, Key
from models.resources import DaskCluster, DaskJob
from models.snapshot import Owner, Snapshot
from reconciler.passes.desire import desire
from reconciler.passes.observe import Scope, observe
from reconciler.passes.plan import plan
from reconciler.passes.report import View, report
from reconciler.passes.values import Plan
from reconciler.rules.names import Naming
from tests.simulation.happenings import Happening
from tests.simulation.stories import Setting, draw
from tests.simulation.users import USERS
from tests.simulation.world import World

TOLD = (*USERS, "child deleted", "pod failed", "pod succeeded", "job ended", "node lost", "time passes", "tick", "pass")


@pytest.mark.parametrize("seed", range(40))
def test_of_a_tree_the_same_is_planned_and_told_as_in_a_look_at_everything(seed: int) -> None:
    """At any moment, each job and cluster, seen alone, asks for the same writes and has the same status."""
    naming = draw(seed).setting.naming
    world = Setting(naming=naming).world()
    for one in draw(seed).happenings:
        if one.what in TOLD:
            Happening(one.what, one.whom, one.how).befall(world)
            _check(world, naming)


def _check(world: World, naming: Naming) -> None:
    everything = observe(world.api, Scope(), world.clock()).snapshot
    for root in [key for key, one in everything.objects.items() if isinstance(one, DaskJob | DaskCluster)]:
        seen = observe(world.api, Scope(trees=frozenset({root})), world.clock())
        assert not seen.errors
        assert root in seen.snapshot.objects
        owners = [key for key, one in seen.snapshot.objects.items() if isinstance(one, Owner)]
        assert _plans(seen.snapshot, owners, naming) == _plans(everything, owners, naming), world.describe()
        assert _statuses(seen.snapshot, owners) == _statuses(everything, owners), world.describe()


def _plans(snapshot: Snapshot, owners: Iterable[Key], naming: Naming) -> Mapping[Key, Plan]:
    found = {key: snapshot.objects[key] for key in owners}
    return {
        key: plan(desire(owner, snapshot, naming), snapshot) for key, owner in found.items() if isinstance(owner, Owner)
    }


def _statuses(snapshot: Snapshot, owners: Iterable[Key]) -> Mapping[Key, Any]:
    view = View(snapshot, snapshot, {}, (), snapshot.taken_at)
    news = report(view, (one for one in snapshot.objects.values() if isinstance(one, Owner)))
    return {action.key: action.body for action in news if action.key.kind != EVENT and action.owner in set(owners)}
