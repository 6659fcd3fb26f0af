"""What is tried on a world that a story has brought to rest, and what must come of it.

rolled back       an edit is taken back: whoever fits again, and was not on the way out, stays
second thoughts   less, and then again as much, while deletions wait: nobody goes
short lists       a list lacks items, for one pass: nobody goes for it
webhook stands    someone undoes what is done: few writes, and it is told
refusal stands    one tree is refused everything: the others are as fast as ever, and it is told
faults            requests fail and the process dies: in all as much is made and deleted as without
"""

from collections.abc import Callable, Mapping
from random import Random

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, Key
from reconciler.rules.labels import Role
from reconciler.wire.protocol import Body
from tests.manifests import pod_spec
from tests.simulation.hands import pick, resources
from tests.simulation.mishaps import DEATHS, FAULTS, WRITTEN
from tests.simulation.oracle import check_at_rest
from tests.simulation.requests import root_of
from tests.simulation.users import SERVICES, WITH_WORKERS, own_resources, scheduler_path, worker_path
from tests.simulation.way import REFUSALS, Refusal
from tests.simulation.webhooks import WEBHOOKS
from tests.simulation.world import World, is_live, key_of

Again = Callable[[], World]
"""Brings another world to the same rest."""
Ending = Callable[[World, int, Again], None]

PASSES_MORE = 2
"""How many more passes others may need beside a tree in trouble."""
MOST_PASSES = 200
MOST_FAULTS = 12
UNDONE = ("takes a label off Pods", "takes a label off Services", "drops the template hash", "adds a gate")
"""Webhooks against which the reconciler can do nothing but tell."""


def _rest(_: World, __: int, ___: Again) -> None:
    """Nothing more."""


def _rolled_back(world: World, choice: int, _: Again) -> None:
    body = pick(resources(world, *WITH_WORKERS), choice)
    if body is None or is_over(body):
        return
    key, before = key_of(body), body["spec"]
    there = _living(world)
    edits = [worker_path(key.kind, {"spec": pod_spec("dask:7")}), worker_path(key.kind, {"replicas": choice % 5})]
    if key.kind != DASK_WORKER_GROUP:
        edits += [scheduler_path(key.kind, {"spec": pod_spec("dask:7")})]
        edits += [scheduler_path(key.kind, {"service": SERVICES[choice % len(SERVICES)]})]
    world.edit(key, edits[choice % len(edits)])
    for _tick in range(choice % 4):
        world.tick()
    fitting = {pod["metadata"]["uid"] for pod in world.pods() if _fits(world, pod)}
    stay = {uid: name for uid, name in there.items() if uid in fitting}
    world.journal.note("user", f"takes the edit of {key} back")
    world.api.edit(key, lambda body: body.update(spec=before))
    world.settle()
    _check_alive(world, stay)
    check_at_rest(world)


def _second_thoughts(world: World, choice: int, _: Again) -> None:
    body = pick(resources(world, DASK_WORKER_GROUP), choice)
    if body is None:
        return
    key, replicas = key_of(body), body["spec"]["worker"].get("replicas", 1)
    updates: Body = {"no_delete": True} if choice % 2 else {"deletion_cap": 1}
    world.settings = world.settings.model_copy(update=updates)
    world.watch.no_delete = world.settings.no_delete
    world.ledger.deletion_cap = world.settings.deletion_cap
    world.restart()
    world.edit(key, {"spec": {"worker": {"replicas": choice % max(1, replicas)}}})
    for _tick in range(choice % 3):
        world.tick()
    stay = _living(world)
    world.edit(key, {"spec": {"worker": {"replicas": replicas}}})
    world.tick()
    world.allow_deletion()
    world.settle()
    _check_alive(world, stay)
    check_at_rest(world)


def _short_lists(world: World, choice: int, _: Again) -> None:
    stay = _living(world)
    kind = WRITTEN[choice % len(WRITTEN)]
    world.journal.note("", f"lists of {kind.plural} lack items")
    world.way.shortened[kind] = 1 + choice % 3
    world.watch.is_misled = True
    world.tick()
    world.way.clear()
    world.watch.is_misled = False
    world.settle()
    _check_alive(world, stay)
    check_at_rest(world)


def _webhook_stands(world: World, choice: int, _: Again) -> None:
    name = WEBHOOKS[choice % len(WEBHOOKS)]
    before = {_key_and_reasons(body) for body in _running(world)}
    world.journal.note("webhook", f"{name}, from now on")
    world.webhooks.on.add(name)
    _stir(world, choice)
    for _tick in range(15):
        world.tick(60)
    made, writes = world.ledger.pods_made(), world.ledger.writes
    for _tick in range(20):
        world.tick(1)
    pods = len(world.pods(live=False))
    assert world.ledger.pods_made() - made <= pods, f"{world.ledger.pods_made() - made} Pods made in 20 s though {name}"
    assert world.ledger.writes - writes <= 4 * pods, f"{world.ledger.writes - writes} writes in 20 s though {name}"
    after = {_key_and_reasons(body) for body in _running(world)}
    is_told = name not in UNDONE or name not in world.webhooks.struck or after != before
    assert is_told, f"nobody is told what a webhook does that {name}: {world.describe()}"
    world.webhooks.on.clear()
    world.webhooks.release()
    world.settle()
    check_at_rest(world)


def _refusal_stands(world: World, choice: int, again: Again) -> None:
    broken = pick([body for body in own_resources(world) if root_of(world.api, body) == key_of(body)], choice)
    if broken is None:
        return
    key = key_of(broken)
    twin = again()
    refusal = Refusal(REFUSALS[choice % len(REFUSALS)], verbs=("create", "patch", "delete"), tree=key)
    world.journal.note("", f"everything of {key} is refused")
    world.way.refusals.append(refusal)
    for one in (twin, world):
        _stir(one, choice)
    usual, needed = _passes_until_rest(twin, key), _passes_until_rest(world, key)
    assert needed <= usual + PASSES_MORE, f"others need {needed} passes beside {key} instead of {usual}"
    if key.kind in WITH_WORKERS and not is_over(broken) and world.has(key):
        told = {condition["reason"] for condition in world.get(key)["status"]["conditions"]}
        assert told - {"Settled", "Accepted", "Ready"}, f"{key} does not tell that it is refused: {told}"
    world.way.clear()
    world.settle()
    check_at_rest(world)


def _faults(world: World, choice: int, again: Again) -> None:
    twin, random = again(), Random(choice)
    before = [(one.ledger.made.copy(), one.ledger.ended.copy()) for one in (world, twin)]
    for one in (twin, world):
        _stir(one, choice)
    for _fault in range(random.randint(1, MOST_FAULTS)):
        strike = random.choice((*FAULTS, *DEATHS))
        world.way.before_request(random.randint(1, 60), lambda strike=strike: world.way.strike(strike))  # type: ignore[misc]
    world.settle()
    twin.settle()
    check_at_rest(world)
    mine, usual = (
        {"made": one.ledger.made - made, "deleted": one.ledger.ended - ended}
        for one, (made, ended) in zip((world, twin), before, strict=True)
    )
    assert mine == usual, f"with faults {mine}, and without {usual}"


def _stir(world: World, choice: int) -> None:
    """Every tree gets something to do."""
    for number, body in enumerate(own_resources(world)):
        key = key_of(body)
        if key.kind not in WITH_WORKERS or is_over(body):
            continue
        world.edit(key, {"metadata": {"labels": {"team": "stirred"}}})
        changes: tuple[Body, ...] = ({"replicas": choice % 5}, {"spec": pod_spec("dask:8")}, {"minReadySeconds": 1})
        world.edit(key, worker_path(key.kind, changes[(choice + number) % len(changes)]))
    pod = pick(world.pods(Role.WORKER), choice)
    if pod is not None:
        world.delete(key_of(pod))


def _passes_until_rest(world: World, broken: Key) -> int:
    """How many passes until every tree but one is at rest."""
    for passes in range(1, MOST_PASSES):
        world.tick()
        if all(_is_settled(body) for body in _running(world) if root_of(world.api, body) != broken):
            return passes
    raise AssertionError(f"trees other than {broken} are not at rest after {MOST_PASSES} passes; {world.describe()}")


def _is_settled(body: Body) -> bool:
    conditions = {one["type"]: one for one in body.get("status", {}).get("conditions", ())}
    progressing = conditions.get("Progressing")
    is_current = progressing is not None and progressing["observedGeneration"] == body["metadata"]["generation"]
    return (
        is_current
        and progressing is not None
        and progressing["reason"] in ("Settled", "Finished", "Running", "OnDelete", "ClusterNotFound")
    )


def _running(world: World) -> list[Body]:
    """Resources that have workers."""
    return [body for body in resources(world, *CUSTOM_KINDS) if key_of(body).kind in WITH_WORKERS]


def _key_and_reasons(body: Body) -> tuple[Key, frozenset[str]]:
    return key_of(body), frozenset(one["reason"] for one in body["status"]["conditions"])


def is_over(body: Body) -> bool:
    """Whether it is a job that has its outcome."""
    return key_of(body).kind == DASK_JOB and body.get("status", {}).get("jobStatus") in ("Successful", "Failed")


def _fits(world: World, pod: Body) -> bool:
    """Whether a Pod from before an edit has still all it was made for: a worker, its scheduler."""
    owners = {owner["uid"] for owner in pod["metadata"].get("ownerReferences", ())}
    group = next((one for one in world.api.objects(DASK_WORKER_GROUP) if one["metadata"]["uid"] in owners), None)
    if group is None:
        return True
    clusters = [one for one in world.api.objects(DASK_CLUSTER) if one["metadata"]["name"] == group["spec"]["cluster"]]
    schedulers = [one for one in world.pods(Role.SCHEDULER) for cluster in clusters if _owns(cluster, one)]
    born = pod["metadata"]["creationTimestamp"]
    return any(one["metadata"]["creationTimestamp"] <= born for one in schedulers)


def _owns(owner: Body, body: Body) -> bool:
    return owner["metadata"]["uid"] in [one["uid"] for one in body["metadata"].get("ownerReferences", ())]


def _check_alive(world: World, those: Mapping[str, str]) -> None:
    there = {pod["metadata"]["uid"] for pod in world.api.objects(POD) if is_live(pod)}
    retired = world.dask.retired  # their scheduler gives them nothing more to do
    lost = [name for uid, name in those.items() if uid not in there and name not in retired]
    assert not lost, f"{lost} could have stayed, of {len(those)}; {world.describe()}"


def _living(world: World) -> dict[str, str]:
    """The names of the Pods that are there to stay, by uid."""
    return {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in world.pods()}


ENDINGS: Mapping[str, Ending] = {
    "": _rest,
    "rolled back": _rolled_back,
    "second thoughts": _second_thoughts,
    "short lists": _short_lists,
    "webhook stands": _webhook_stands,
    "refusal stands": _refusal_stands,
    "faults": _faults,
}
