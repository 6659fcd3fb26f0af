"""A cluster that was ready warns of what it loses, whichever pass comes when, and of nothing taken on purpose."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, EVENT
from reconciler.wire.protocol import API, Body
from tests.builders import cluster
from tests.faults import Fault, Faulty
from tests.manifests import pod_spec
from tests.simulation.world import World, is_ready, key, key_of

SIMPLE, GROUP = key(DASK_CLUSTER, "simple"), key(DASK_WORKER_GROUP, "simple-default-worker-group")
ROLLED, BACK, FEWER, MORE = {"spec": pod_spec("dask:2")}, {"spec": pod_spec()}, {"replicas": 1}, {"replicas": 4}
ON_PURPOSE: Sequence[tuple[Body, ...]] = ((ROLLED,), (FEWER,), (ROLLED, BACK), (FEWER, MORE), (MORE, ROLLED, FEWER))
FAULTS = (None, Fault.CONFLICT, Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.BROKEN)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["the next edit", "the nodes", "half a minute", "a full pass", "a small pass", "a small pass"]),
        st.sampled_from(FAULTS),
        st.integers(0, 9),
    ),
    max_size=14,
)
"""What happens, and what goes wrong with which of a pass's writes."""
Step = tuple[str, Fault | None, int]
FULL: Step = ("a full pass", None, 0)
SMALL: Step = ("a small pass", None, 0)
STARTED: Sequence[Step] = [SMALL, *[("the nodes", None, 0)] * 3]
UNTOLD: Sequence[Step] = [("a small pass", Fault.BROKEN, 0), ("half a minute", None, 0), ("half a minute", None, 0)]


class OneFails(Faulty):
    """An API of which one write goes wrong each time that a test says so."""

    def __init__(self, api: API) -> None:
        super().__init__(api, ())
        self.fault, self.before = None, 0

    fault: Fault | None
    before: int

    def _next(self, request: str, spared: tuple[Fault, ...] = ()) -> Fault | None:
        if self.fault is None or self.fault in spared or request.startswith(("list", "create Event")):
            return None
        self.before -= 1
        if self.before >= 0:
            return None
        struck, self.fault = self.fault, None
        return struck


class Story:
    """A cluster that is ready, and what is done to it.

    Args:
        edits: What its user does.
        no_dask: Whether no scheduler is asked: then workers that are to go are deleted at once.
    """

    def __init__(self, edits: Sequence[Body], *, no_dask: bool) -> None:
        self.edits = list(edits)
        self.world = World(cluster(replicas=2), no_dask=no_dask, through=self._through)
        self.world.settle()

    def _through(self, api: API) -> API:
        self.api = OneFails(api)
        return self.api

    def go_on(self, steps: Sequence[Step]) -> None:
        """These things happen, none of which is a loss."""
        ways: dict[str, Callable[[], Any]] = {
            "the next edit": self._edit,
            "the nodes": self.world.kubelet.step,
            "half a minute": lambda: self.world.clock.advance(31),
            "a full pass": self.world.reconcile,
            "a small pass": lambda: self.world.reconcile_trees(frozenset({SIMPLE})),
        }
        for step, fault, before in steps:
            self.api.fault, self.api.before = fault, before
            ways[step]()
            self.api.fault = None

    def _edit(self) -> None:
        if self.edits:
            self.world.edit(SIMPLE, {"spec": {"worker": self.edits.pop(0)}})

    @property
    def warnings(self) -> list[str]:
        """What was warned of."""
        return [one["message"] for one in self.world.api.objects(EVENT) if one["reason"] == "ClusterNotReady"]

    def staying(self) -> Iterator[Body]:
        """Workers that are ready and were not chosen to go."""
        chosen = self.world.get(GROUP)["status"].get("decisions", {}).get("retiring", ())
        going = {one["uid"] for one in chosen}
        workers = self.world.workers("simple-default-worker-group")
        return (pod for pod in workers if is_ready(pod) and pod["metadata"]["uid"] not in going)


@example((ROLLED, BACK), False, [FULL, ("the next edit", None, 0), FULL, ("a small pass", Fault.CONFLICT, 2)])
@example((ROLLED,), True, [*STARTED, *UNTOLD, ("a small pass", Fault.CONFLICT, 3)])
@given(st.sampled_from(ON_PURPOSE), st.booleans(), STEPS)
def test_what_is_taken_on_purpose_is_no_loss(edits: Sequence[Body], no_dask: bool, steps: Sequence[Step]) -> None:  # noqa: FBT001 - drawn
    """Rolling, scaling and taking back, whatever writes fail, and whichever pass tells.

    The pass that takes workers away may not be the one that can tell: here its status met a conflict.
    """
    story = Story(edits, no_dask=no_dask)
    story.go_on([("the next edit", None, 0), *steps, *[("a small pass", None, 0), ("the nodes", None, 0)] * 3])
    assert story.warnings == []


@given(st.sampled_from(ON_PURPOSE), st.booleans(), STEPS, st.sampled_from(["deleted", "failed", "not ready"]))
def test_a_loss_is_warned_of(edits: Sequence[Body], no_dask: bool, steps: Sequence[Step], how: str) -> None:  # noqa: FBT001 - drawn
    """In the middle of whatever else happens, as soon as the cluster is not ready any more."""
    story = Story(edits, no_dask=no_dask)
    story.go_on(steps)
    world = story.world
    victim = next(story.staying(), None)
    if world.condition(SIMPLE, "Ready")[0] != "True" or victim is None:
        return
    if how == "deleted":
        world.delete(key_of(victim))
    elif how == "failed":
        world.kubelet.end(victim, "Failed")
    else:
        world.kubelet.unready(victim)
    world.reconcile()
    assert bool(story.warnings) == (world.condition(SIMPLE, "Ready")[0] == "False")
