"""A story is told in a fresh world, and whatever was promised is looked at on the way and at the end.

happenings ──► what stands, stands ──► peace ──► rest ──► mended ──► rest ──► as if made anew ──► ending
every write and status is watched       │        nothing is written any more           │
                                        └ clocks, nodes, API, webhooks: all is well    └ against a fresh world
"""

import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from structlog.testing import capture_logs

from models.kinds import CUSTOM_KINDS, DASK_AUTOSCALER, DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from reconciler.passes.write_backoff import LONGEST_WAIT
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from reconciler.rules.reasons import Reason
from reconciler.wire.protocol import Body
from tests.builders import NAMESPACE
from tests.manifests import pod_spec
from tests.simulation.endings import ENDINGS, is_over
from tests.simulation.happenings import Happening
from tests.simulation.normal import differences, normal_form
from tests.simulation.oracle import check_at_rest
from tests.simulation.statuses import check_statuses
from tests.simulation.stories import Story
from tests.simulation.users import WITHOUT_END, is_broken, mend, own_resources
from tests.simulation.world import World, key_of

QUIET_PASSES = 20
REST_PASSES = 10
STANDING_PASSES = 10
ALL_DELETIONS = 1000
"""A deletion cap that no world reaches."""
MOST_TOLD = 8
"""How many Events of one reason an object may have while things only stand."""
MOST_FLAPS = 2
"""How often a condition may change its status meanwhile: something gets ready at last, or is lost for good."""
SIGNS_OF_LIFE = (OWNER_SEEN, OWNER_TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a story came to.

    Args:
        where: The rule that was broken, by its place in the code: two stories that fail in one place fail alike.
        why: What was broken.
        journal: What happened.
    """

    where: str
    why: str
    journal: Sequence[str]


def attempt(story: Story) -> Failure | None:
    """Tell a story; what went wrong, if anything did."""
    world = story.setting.world()
    try:
        with capture_logs():
            tell(story, world)
    except Exception as error:  # noqa: BLE001 - whatever a story brings to light is what it is told for
        places = [
            frame for frame in traceback.extract_tb(error.__traceback__) if "/site-packages/" not in frame.filename
        ]
        last = places[-1]
        where = f"{Path(last.filename).name}:{last.lineno} {last.line or ''}"
        return Failure(where, f"{type(error).__name__}: {error}", tuple(world.journal.lines))
    return None


def tell(story: Story, world: World) -> None:
    """Tell a story.

    Raises:
        AssertionError: a promise is broken.
    """
    bystanders = _bystanders(world)
    bring_to_rest(story, world)
    check_like_new(story, world)
    ENDINGS[story.ending](world, story.choice, lambda: _again(story))
    after = [world.get(key_of(body)) for body in bystanders]
    assert list(map(_own, after)) == list(map(_own, bystanders)), "what belongs to others was changed"


def _bystanders(world: World) -> list[Body]:
    return [world.api.create(kind, body).body for kind, body in _BYSTANDERS]


def _again(story: Story) -> World:
    """Another world of the story, in which all have the same names: what workers hold follows from them."""
    world = story.setting.world()
    _bystanders(world)
    return bring_to_rest(story, world)


def bring_to_rest(story: Story, world: World) -> World:
    """Let everything happen, and then nothing more, until the world is what its resources ask for."""
    for happening in story.happenings:
        happening.befall(world)
        if happening.what in ("tick", "pass") and _has_seen_all(world):
            check_statuses(world)
    check_idempotent(world)
    endure(world)
    make_peace(world)
    wait_out(world)
    if not is_broken(world):
        world.settle()
        check_quiet(world)
    mend(world)
    world.settle()
    check_quiet(world)
    check_statuses(world)
    check_at_rest(world)
    live_on(world)
    if not world.webhooks.struck:
        world.watch.asked.check()
    return world


def live_on(world: World) -> None:
    """Whoever is still there stays, idle or not."""
    for body in own_resources(world):
        if key_of(body).kind == DASK_CLUSTER and not WITHOUT_END.keys().isdisjoint(body["spec"]):
            world.edit(key_of(body), {"spec": WITHOUT_END})
    world.settle()


def check_idempotent(world: World) -> None:
    """A pass leaves nothing to be done that needs no waiting: one more at the same moment writes nothing."""
    world.reconcile()
    writes, cap = world.ledger.writes, world.settings.deletion_cap
    if _has_seen_all(world) and world.way.is_clear and not world.webhooks.on and not 0 < cap < ALL_DELETIONS:
        world.reconcile()
        assert world.ledger.writes == writes, f"a second pass at the same moment writes: {world.last_words()}"


def _has_seen_all(world: World) -> bool:
    """Whether the last pass looked at everything, came to its end, and met no trouble."""
    result = world.results[-1]
    return not (world.way.is_marred or result.is_cut or result.errors)


def endure(world: World) -> None:
    """What stands goes on for a while: refusals, webhooks, wrong clocks, Pods that crash. Writes stay few."""
    world.ledger.told.clear()
    for _ in range(STANDING_PASSES):
        world.tick(60)
    before, flaps, states = world.ledger.pods_made(), Counter[tuple[Key, str]](), _states(world)
    for _ in range(QUIET_PASSES):
        world.tick(1)
        now = _states(world)
        flaps.update(one for one in now.keys() & states.keys() if now[one] != states[one])
        states = now
    flapping = {f"{key} {type_}": count for (key, type_), count in flaps.items() if count > MOST_FLAPS}
    assert not flapping, f"conditions come and go though nobody does anything: {flapping}; {world.describe()}"
    made, pods = world.ledger.pods_made() - before, len(world.pods(live=False))
    assert made <= 2 * pods + 2, f"{made} Pods are made in {QUIET_PASSES} seconds, where {pods} are"
    often = {news: count for news, count in world.ledger.told.items() if count > MOST_TOLD}
    assert not often, f"told again and again, though nobody does anything: {often}"


def _is_rolling(body: Body) -> bool:
    return any(one["reason"] == Reason.ROLLING_OUT for one in body.get("status", {}).get("conditions", ()))


def _states(world: World) -> Mapping[tuple[Key, str], str]:
    """The status of each condition, but of what rolls: there one worker after the other comes and goes."""
    bodies = [body for kind in CUSTOM_KINDS for body in world.api.objects(kind) if not _is_rolling(body)]
    conditions = [(key_of(body), one) for body in bodies for one in body.get("status", {}).get("conditions", ())]
    return {(key, one["type"]): one["status"] for key, one in conditions}


def make_peace(world: World) -> None:
    """Nothing goes wrong any more."""
    world.journal.note("", "peace")
    Happening("nodes back").befall(world)
    Happening("webhooks off").befall(world)
    Happening("refusals end").befall(world)
    world.machine.error = timedelta()
    world.collects_garbage = True
    if world.settings.no_delete:
        world.allow_deletion()


def wait_out(world: World) -> None:
    """Once nothing goes wrong any more, and clocks are right, nobody waits for longer than the longest wait."""
    for _ in range(2):
        world.tick(LONGEST_WAIT.total_seconds() + 1)
    waiting = [key for key, one in _reasons(world) if one == Reason.BACK_OFF]
    assert not waiting or is_broken(world), f"{waiting} still wait for an error of long ago; {world.last_words()}"


def _reasons(world: World) -> list[tuple[Key, str]]:
    bodies = [body for kind in CUSTOM_KINDS for body in world.api.objects(kind)]
    return [(key_of(body), one["reason"]) for body in bodies for one in body.get("status", {}).get("conditions", ())]


def check_quiet(world: World) -> None:
    """Whoever has come to rest stays there: no write, no Event."""
    writes, events = world.ledger.writes, world.ledger.events
    for _ in range(REST_PASSES):
        world.tick(10)
    assert world.ledger.writes == writes, f"{world.ledger.writes - writes} writes at rest; {world.last_words()}"
    assert world.ledger.events == events, f"{world.ledger.events - events} Events at rest; {world.last_words()}"


def check_like_new(story: Story, world: World) -> None:
    """The world is as it would be had its resources been made as they are now, but for jobs that are over."""
    fresh = story.setting.world()
    fresh.clock.now = world.clock.now
    fresh.dask.wishes = world.dask.wishes
    fresh.allow_deletion()
    for body in sorted((one for one in own_resources(world) if not is_over(one)), key=_autoscalers_by_age):
        fresh.clock.advance(body["kind"] == DASK_AUTOSCALER.name)
        fresh.api.create(key_of(body).kind, _as_written(body))
    fresh.settle()
    for kind in (DASK_CLUSTER, DASK_WORKER_GROUP):
        for child in world.api.objects(kind):
            _scale_alike(fresh, child)
        fresh.settle()
    found = differences(normal_form(world), normal_form(fresh))
    assert not found, "unlike a fresh world: " + "\n".join(found[:5])


def _autoscalers_by_age(body: Body) -> tuple[bool, str, str]:
    """The order that decides whose turn it is."""
    meta = body["metadata"]
    return body["kind"] == DASK_AUTOSCALER.name, meta["creationTimestamp"], meta["name"]


def _scale_alike(fresh: World, child: Body) -> None:
    """Who scaled a child scales it again."""
    key, replicas = key_of(child), child["spec"]["worker"].get("replicas", 1)
    other = fresh.api.get(key)
    if other is not None and other["spec"]["worker"].get("replicas", 1) != replicas:
        fresh.edit(key, {"spec": {"worker": {"replicas": replicas}}})


def _as_written(body: Body) -> Body:
    meta = body["metadata"]
    kept = {name: meta[name] for name in ("name", "namespace", "labels") if name in meta}
    marks = meta.get("annotations", {})
    kept["annotations"] = {name: marks[name] for name in SIGNS_OF_LIFE if name in marks}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": kept, "spec": body["spec"]}


def _own(body: Body) -> Body:
    """What of an object only its owner, and no kubelet, may change."""
    spec = {name: value for name, value in body["spec"].items() if name != "nodeName"}
    return {"spec": spec, **{name: body["metadata"].get(name) for name in ("uid", "labels", "annotations")}}


_LABELS = {"dask.org/cluster-name": "a", "dask.org/component": "scheduler"}
_META = {"name": "bystander", "namespace": NAMESPACE, "labels": _LABELS}
_BYSTANDERS: Sequence[tuple[Kind, Body]] = (
    (POD, {"metadata": _META, "spec": pod_spec()}),
    (SERVICE, {"metadata": _META, "spec": {"ports": [{"port": 1}], "selector": {"app": "x"}}}),
)
"""Objects of someone else's that carry the labels by which the reconciler finds its own."""
