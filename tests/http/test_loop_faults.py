"""The whole loop over HTTP, with each fault at each kind of write and at each list.

Nothing is repeated within a pass, other clusters notice nothing, the owner is told, what failed is left alone for as
long as its wait or the server says, and the pass after that ends where it would have ended without the fault.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, Key, Kind
from reconciler.loop import Loop
from reconciler.passes.values import Action, Result, Verb
from reconciler.rules import names
from tests.builders import cluster
from tests.http.faultyserver import Fault, How
from tests.http.place import Place, complete
from tests.simulation.world import World, key

# All requests of such a test but the one that never is must be answered within this time: a busy machine takes a while.
SILENCE_SECONDS = 2.0
RETRY_AFTER_SECONDS = 30
GROUP = "{}-default-worker-group"

BEFORE: tuple[How | int, ...] = (How.DROPPED_BEFORE, How.SILENT_BEFORE, 403, 409, 410, 422, 429, 500, 503)
AFTER: tuple[How | int, ...] = (
    How.DROPPED_AFTER,
    How.SILENT_AFTER,
    How.ERROR_AFTER,
    How.HALF_AFTER,
    How.GARBAGE_AFTER,
    How.PAGE_AFTER,
)
EACH_RESULT: tuple[How | int, ...] = (How.DROPPED_BEFORE, 403, 409, 429, 503, How.DROPPED_AFTER)
"""One fault for each result that a write may have; test_faults and test_answer say what the others come to."""
REFUSALS = {403: "Forbidden", 422: "Invalid"}


@dataclass(frozen=True)
class Write:
    """A kind of write.

    Args:
        verb: As the request log has it.
        resource: To which resource.
        name: To which object of the cluster `simple`; of a worker, its ordinal.
        owner: On whose behalf.
        action: What it is to the reconciler.
        scales_down: Whether it is made when the cluster is scaled from two workers to one, not when it is new.
    """

    verb: str
    resource: str
    name: str | int
    owner: Kind
    action: Verb
    scales_down: bool = False

    def fault(self, how: How | int, world: World) -> Fault:
        name = self.name
        if isinstance(name, int):
            group = world.get(key(DASK_WORKER_GROUP, GROUP.format("simple")))["metadata"]
            name = names.worker(group["name"], group["uid"], name)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if how == 429 else {}
        return Fault(how, self.verb, self.resource, name, headers=headers)

    @property
    def of(self) -> Key:
        return key(self.owner, "simple" if self.owner == DASK_CLUSTER else GROUP.format("simple"))


WRITES = {
    "create Pod": Write("CREATE", "pods", "simple-scheduler", DASK_CLUSTER, Verb.CREATE),
    "create Service": Write("CREATE", "services", "simple-service", DASK_CLUSTER, Verb.CREATE),
    "create group": Write("CREATE", "daskworkergroups", GROUP.format("simple"), DASK_CLUSTER, Verb.CREATE),
    "record": Write("PATCH", "daskclusters", "simple", DASK_CLUSTER, Verb.RECORD),
    "apply status": Write("APPLY", "daskclusters/status", "simple", DASK_CLUSTER, Verb.REPORT),
    "update group": Write("PATCH", "daskworkergroups", GROUP.format("simple"), DASK_CLUSTER, Verb.UPDATE, True),
    "record in status": Write(
        "PATCH", "daskworkergroups/status", GROUP.format("simple"), DASK_WORKER_GROUP, Verb.RECORD, True
    ),
    "delete": Write("DELETE", "pods", 2, DASK_WORKER_GROUP, Verb.DELETE, True),
}


TRIED_WITH_EVERY_FAULT = ("create Pod", "record in status")
FAULTS = {
    f"{name}-{how}": (write, how)
    for name, write in WRITES.items()
    for how in ((*BEFORE, *AFTER) if name in TRIED_WITH_EVERY_FAULT else EACH_RESULT)
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(stack, tmp_path)


def begin(place: Place, write: Write) -> World:
    """Two clusters, that are new or about to lose a worker."""
    world = place.world(cluster("simple", replicas=2 if write.scales_down else 1), cluster("other", replicas=1))
    if write.scales_down:
        world.edit(key(DASK_CLUSTER, "other"), {"spec": {"worker": {"replicas": 2}}})
        over_http, world.loop = (
            world.loop,
            Loop(world.watch, world.settings, clock=world.clock, seconds=world.clock.seconds),
        )
        world.settle()
        world.loop = over_http
        for name in ("simple", "other"):
            world.edit(key(DASK_CLUSTER, name), {"spec": {"worker": {"replicas": 1}}})
    return world


def told(write: Write, how: How | int) -> tuple[str, str, str] | None:
    """The condition that tells of the fault at once: type, status, reason."""
    if not counts(write, how) or outdates_the_report(write, how):
        return None
    if how not in REFUSALS:
        return "Progressing", "True", "ApiUnavailable"
    is_write = write.action in (Verb.CREATE, Verb.UPDATE)
    return ("Accepted", "False", REFUSALS[how]) if is_write else ("Progressing", "False", "Refused")


def counts(write: Write, how: How | int) -> bool:
    """Whether the resource is left alone for a while; a conflict, or a status that was not written, is put right."""
    return how != 409 and write.action is not Verb.REPORT


def outdates_the_report(write: Write, how: How | int) -> bool:
    """Whether the resource itself was changed and its version is not known: its status waits for the next pass."""
    return write.action is Verb.RECORD and isinstance(how, How) and how.carries_out


@pytest.mark.parametrize(("write", "how"), FAULTS.values(), ids=FAULTS)
def test_a_write_that_fails_is_not_repeated_and_the_next_pass_puts_it_right(
    place: Place, write: Write, how: How | int
) -> None:
    """One policy for all: nothing twice in a pass, others unaffected, the owner told, a wait, and then the goal."""
    if how in (How.SILENT_BEFORE, How.SILENT_AFTER):
        place.read_timeout_seconds = SILENCE_SECONDS
    world = begin(place, write)
    place.server.faults.append(write.fault(how, world))

    result = place.one_pass()

    assert not place.server.pending, f"nothing failed: {place.server.asked}"
    results = [Result.CONFLICT] if outdates_the_report(write, how) else []
    assert [failure.result for failure in result.failures[1:]] == results, result.failures
    assert not [line for line, times in place.writes.items() if times > 1]
    assert complete(world, "other"), world.describe()
    expected = told(write, how)
    if expected is not None:
        assert world.condition(write.of, expected[0])[:2] == expected[1:]
    if counts(write, how):
        check_wait(place, world, result.failures[0].action, RETRY_AFTER_SECONDS if how == 429 else 1)

    assert place.one_pass().ok
    assert complete(world, "simple"), world.describe()
    assert complete(world, "other"), world.describe()
    last = place.one_pass()
    assert (last.plan.actions, last.reports) == ((), ()), world.last_words()
    if expected is not None:
        assert world.condition(write.of, expected[0])[2] != expected[2]


def check_wait(place: Place, world: World, failed: Action, seconds: float) -> None:
    """Until its time has come what failed is left alone, and the owner is told if it is still needed."""
    world.clock.advance(seconds - 0.1)
    waiting = place.one_pass()
    assert not [response for response in waiting.responses if response.action.subject == failed.subject]
    assert not waiting.failures
    assert complete(world, "other"), world.describe()
    if any(action.subject == failed.subject for action in waiting.plan.postponed):
        assert world.condition(failed.owner, "Progressing")[:2] == ("True", "BackOff")
    world.clock.advance(0.2)


LIST_FAULTS = [how for how in (*BEFORE, *AFTER) if how is not How.SILENT_AFTER]
LISTED = ("daskjobs", "daskclusters", "daskworkergroups", "daskautoscalers", "pods", "services")
FAILING_LISTS = [("pods", how) for how in LIST_FAULTS] + [(one, 503) for one in LISTED if one != "pods"]


@pytest.mark.parametrize(("resource", "how"), FAILING_LISTS)
def test_a_list_that_fails_leaves_its_namespace_alone_and_no_other(place: Place, resource: str, how: How | int) -> None:
    """An incomplete picture is none: nothing is written where it belongs, everything elsewhere."""
    if how in (How.SILENT_BEFORE, How.SILENT_AFTER):
        place.read_timeout_seconds = SILENCE_SECONDS
    here, elsewhere = cluster("simple", replicas=1), cluster("other", replicas=1, namespace="elsewhere")
    world = place.world(here, elsewhere, namespaces=("default", "elsewhere"))
    place.server.faults.append(Fault(how, "LIST", resource))

    result = place.one_pass()

    assert not place.server.pending
    assert list(result.errors) == [f"{resource} in namespace default"]
    assert not result.ok
    assert not [line for line in place.writes if "default/" in line]
    assert complete(world, "other", namespace="elsewhere"), world.describe()

    assert place.one_pass().ok
    assert complete(world, "simple"), world.describe()


@pytest.mark.parametrize("resource", LISTED)
def test_without_a_list_of_everything_nothing_is_written(place: Place, resource: str) -> None:
    """What cannot be seen in all namespaces at once cannot be told from what is not there."""
    world = place.world(cluster("simple", replicas=1))
    assert place.one_pass().ok
    place.server.faults.append(Fault(503, "LIST", resource))
    world.delete(key(POD, "simple-scheduler"))
    result = place.one_pass()
    assert result.snapshot is None
    assert not place.writes
    assert place.one_pass().errors == {}


def test_each_error_in_a_row_makes_the_wait_longer(place: Place) -> None:
    """1 s, 2 s, 4 s: the owner is told until when, and a cluster beside it waits for nothing."""
    world = place.world(cluster("simple", replicas=1), cluster("other", replicas=1))
    place.server.faults.append(Fault(403, "CREATE", "pods", "simple-scheduler", times=3, message="exceeded quota"))
    for seconds in (1, 2, 4):
        assert len(place.one_pass().failures) == 1
        place.one_pass()
        until = world.clock() + timedelta(seconds=seconds)
        _, reason, message = world.condition(key(DASK_CLUSTER, "simple"), "Progressing")
        assert reason == "BackOff"
        assert "exceeded quota" in message
        assert f"{until:%Y-%m-%dT%H:%M:%SZ}" in message
        assert complete(world, "other"), world.describe()
        world.clock.advance(seconds)
    assert place.one_pass().ok
    assert complete(world, "simple"), world.describe()


def test_an_edit_ends_the_wait(place: Place) -> None:
    """Who puts a refused template right need not wait for what was wrong with it."""
    world = place.world(cluster("simple", replicas=1))
    place.server.faults.append(Fault(422, "CREATE", "pods", "simple-scheduler", times=1))
    place.one_pass()
    assert not place.one_pass().responses
    world.edit(key(DASK_CLUSTER, "simple"), {"spec": {"idleTimeout": 60}})
    assert place.one_pass().ok
    assert complete(world, "simple"), world.describe()


MANY: dict[str, Callable[[], Fault]] = {
    "everything throttled": lambda: Fault(429, times=5, skip=6),
    "everything dropped": lambda: Fault(How.DROPPED_AFTER, times=5, skip=6),
    "conflicts": lambda: Fault(409, "PATCH", times=5),
    "half of the creates": lambda: Fault(How.DROPPED_AFTER, "CREATE", skip=3, times=4),
}


@pytest.mark.parametrize("fault", MANY.values(), ids=MANY)
def test_many_faults_in_a_row_are_got_over(place: Place, fault: Callable[[], Fault]) -> None:
    """However many requests fail, the clusters are complete soon after, with nothing too much."""
    world = place.world(cluster("simple", replicas=3), cluster("other", replicas=3))
    place.server.faults.append(fault())
    for _ in range(8):
        place.one_pass()
        world.clock.advance(RETRY_AFTER_SECONDS)
    assert not place.server.pending
    assert place.results[-1].ok
    assert complete(world, "simple", 3), world.describe()
    assert complete(world, "other", 3), world.describe()
    assert place.one_pass().plan.actions == ()
