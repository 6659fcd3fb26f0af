"""Stories: settings, and what happens under them, drawn from a seed.

Each story leaves most sorts of happenings out (a swarm: what happens often hides what happens seldom), and draws its
settings anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

from reconciler.rules.names import Naming
from tests.builders import NAMESPACE
from tests.simulation.endings import ENDINGS
from tests.simulation.happenings import HAPPENINGS, Happening
from tests.simulation.meddling import MEDDLING
from tests.simulation.mishaps import MISHAPS, ON_THE_WAY
from tests.simulation.users import ELSEWHERE, USERS
from tests.simulation.world import World

HIGHEST = 11
"""The largest number that says whom or how."""
LAST_REQUEST = 40
ALWAYS = ("tick", "tick", "tick", "pass")
PASSES_BEFORE = {"job ended": 6}
"""A runner begins when its scheduler is ready."""
BEFORE_DELETED = ("newcomer", "scaled", "worker edited", "child deleted", "job ended")


@dataclass(frozen=True, slots=True)
class Setting:
    """Under what a story happens."""

    naming: Naming = Naming.CLASSIC
    interval: float = 5.0
    deletion_cap: int = 1000
    no_delete: bool = False
    namespaces: tuple[str, ...] = ()
    request_seconds: float = 0.0
    collects_garbage: bool = True

    def world(self) -> World:
        """An empty world."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return World(**given)

    def changed(self) -> dict[str, Any]:
        """What is not as it is by default."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}


@dataclass(frozen=True, slots=True)
class Story:
    """What happens, and how it ends.

    Args:
        setting: Under what.
        happenings: What happens, in order.
        ending: A name of `ENDINGS`, or empty: what is tried when its world has come to rest.
        choice: A number that the ending draws on.
    """

    setting: Setting
    happenings: tuple[Happening, ...]
    ending: str = ""
    choice: int = 0

    def simpler(self) -> Iterator["Story"]:
        """The same with one setting, or the ending, as it is by default."""
        for name in self.setting.changed():
            default: Any = getattr(Setting(), name)
            yield replace(self, setting=replace(self.setting, **{name: default}))
        if self.ending:
            yield replace(self, ending="")
        for number, one in enumerate(self.happenings):
            if one.request:
                changed = replace(one, request=0)
                yield replace(self, happenings=(*self.happenings[:number], changed, *self.happenings[number + 1 :]))

    def lines(self) -> list[str]:
        """The story as it can be read."""
        setting = ", ".join(f"{name}={value}" for name, value in self.setting.changed().items()) or "by default"
        told = [f"{one.what:<24} whom={one.whom:<3} how={one.how:<3} request={one.request}" for one in self.happenings]
        return [f"settings: {setting}", *told, f"ending: {self.ending or 'rest'} ({self.choice})"]


def draw(seed: int) -> Story:
    """The story of a seed: always the same one."""
    random = Random(seed)
    setting = _setting(random)
    names = [name for name in (*USERS, *MEDDLING, *MISHAPS, *ON_THE_WAY) if random.random() < 0.35]
    names += random.sample(BEFORE_DELETED, 3)
    within = random.choice((0.0, 0.0, 0.3, 0.7))
    number = random.choice((4, 8, 12, 20))
    beginning = [Happening("newcomer", random.randrange(9), random.randint(1, 3)) for _ in range(random.randint(1, 3))]
    happenings = [one for _ in range(number) for one in _in_time(_happening(random, names, within))]
    ending = random.choice(tuple(ENDINGS))
    return Story(setting, (*beginning, *happenings), ending, random.randrange(1000))


def _in_time(happening: Happening) -> Iterator[Happening]:
    """What happens, after as many passes as it takes for somebody to be concerned."""
    yield from [Happening("tick")] * PASSES_BEFORE.get(happening.what, 0)
    yield happening


def _setting(random: Random) -> Setting:
    return Setting(
        naming=random.choice(tuple(Naming)),
        interval=random.choice((5.0, 5.0, 1.0, 60.0)),
        deletion_cap=random.choice((1000, 1000, 0, 1, 3)),
        no_delete=random.random() < 0.15,
        namespaces=random.choice(((), (NAMESPACE, ELSEWHERE))),
        request_seconds=random.choice((0.0, 0.0, 0.05, 1.0)),
        collects_garbage=random.random() < 0.8,
    )


def _happening(random: Random, names: list[str], within: float) -> Happening:
    what = random.choice((*ALWAYS, *names)) if random.random() < 0.6 else random.choice(names)
    is_within = what not in ALWAYS and (what in ("request fails", "killed", "rival passes") or random.random() < within)
    request = random.randint(1, LAST_REQUEST) if is_within else 0
    assert what in HAPPENINGS
    return Happening(what, random.randint(0, HIGHEST), random.randint(0, HIGHEST), request)
