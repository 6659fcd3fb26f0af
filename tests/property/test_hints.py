"""Whoever follows hints alone looks wherever something has become to be done."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest

from models.kinds import Key
from models.snapshot import Owner
from reconciler.hints import tree_of
from reconciler.passes.desire import desire
from reconciler.passes.lists import SELECTORS, Place
from reconciler.passes.observe import Scope, observe
from reconciler.passes.plan import plan
from reconciler.passes.values import Plan
from reconciler.rules.names import Naming
from reconciler.wire.protocol import WatchEvent
from tests.simulation.happenings import Happening
from tests.simulation.meddling import MEDDLING
from tests.simulation.oracle import check_at_rest
from tests.simulation.statuses import check_statuses
from tests.simulation.stories import Setting, draw
from tests.simulation.trials import check_like_new, check_quiet
from tests.simulation.users import USERS, mend
from tests.simulation.world import World

FORGOTTEN = 0.2
"""How often a watch has fallen so far behind that it is told 410 Gone."""
MANGLED = {*USERS, *MEDDLING, "pod failed", "pod evicted", "job ended", "tick"} - {"webhook on"}
TOLD = (*USERS, "child deleted", "pod failed", "pod succeeded", "job ended", "node lost", "time passes", "tick", "pass")


class Tap:
    """What watches of everything bring, whenever someone asks, without a thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._versions: dict[Place, str] = dict(observe(world.api, Scope(), world.clock()).versions)

    def events(self) -> list[WatchEvent]:
        """What has happened since the last time; a watch that ends at once brings just that, and a bookmark."""
        found: list[WatchEvent] = []
        for kind, labels in SELECTORS.items():
            since = self._versions[kind, None]
            *events, bookmark = self._world.api.watch(kind, None, version=since, labels=labels, timeout_seconds=0)
            self._versions[kind, None] = bookmark.resource_version
            found += events
        return found


@pytest.mark.parametrize("seed", range(40))
def test_hints_name_every_tree_in_which_something_is_to_be_done(seed: int) -> None:
    """Whatever happens, but for time that passes: where the plan is another one, a hint has led to a look."""
    naming = draw(seed).setting.naming
    world = Setting(naming=naming).world()
    tap, before = Tap(world), _plans(world, naming)
    for one in draw(seed).happenings:
        if one.what not in TOLD:
            continue
        then = world.clock()
        Happening(one.what, one.whom, one.how).befall(world)
        trees = frozenset(tree for event in tap.events() if (tree := tree_of(event)) is not None)
        after = _plans(world, naming)
        if world.clock() == then:
            changed = {key for key, planned in after.items() if planned != before.get(key)}
            assert changed <= _seen(world, trees), f"{one} was not told of: {world.describe()}"
        before = after


@pytest.mark.parametrize("seed", range(20))
def test_whatever_becomes_of_hints_the_world_comes_to_be_the_same(seed: int) -> None:
    """Events are lost, doubled, late and out of order, and watches begin anew: looks at everything see the rest."""
    story, random = draw(seed), Random(seed)
    story = replace(story, setting=Setting(naming=story.setting.naming))
    world = story.setting.world()
    tap, late = Tap(world), list[WatchEvent]()
    for one in story.happenings:
        if one.what not in MANGLED:
            continue
        if one.what != "tick":
            Happening(one.what, one.whom, one.how).befall(world)
        elif random.random() < FORGOTTEN:
            tap = Tap(world)
        for _ in range(2):
            heard = [*late, *(event for event in tap.events() for _copy in range(random.choice((0, 1, 1, 2))))]
            random.shuffle(heard)
            late = [heard.pop() for _event in range(random.randint(0, len(heard)))]
            if trees := frozenset(tree for event in heard if (tree := tree_of(event)) is not None):
                world.reconcile_trees(trees)
            world.clock.advance(1)
            world.kubelet.step()
    mend(world)
    world.settle()
    check_quiet(world)
    check_statuses(world)
    check_at_rest(world)
    check_like_new(story, world)


def _plans(world: World, naming: Naming) -> Mapping[Key, Plan]:
    everything = observe(world.api, Scope(), world.clock()).snapshot
    owners = (one for one in everything.objects.values() if isinstance(one, Owner))
    return {owner.key: plan(desire(owner, everything, naming), everything) for owner in owners}


def _seen(world: World, trees: frozenset[Key]) -> set[Key]:
    """What a look at these trees shows."""
    return set(observe(world.api, Scope(trees=trees), world.clock()).snapshot.objects) if trees else set()
