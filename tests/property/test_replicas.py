"""Two writers of one number: every edit of either is followed, as the rule says, through both levels."""

from hypothesis import given
from hypothesis import strategies as st

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Key
from tests.builders import job
from tests.simulation.world import World, key

JOB, OF_JOB = key(DASK_JOB, "train"), key(DASK_CLUSTER, "train-cluster")
GROUP = key(DASK_WORKER_GROUP, "train-cluster-default-worker-group")
LEVELS = (JOB, OF_JOB, GROUP)

above = st.dictionaries(st.sampled_from([JOB, OF_JOB]), st.integers(0, 4), max_size=1)
below = st.dictionaries(st.just(GROUP), st.integers(0, 4), max_size=1)
edits = st.builds(lambda one, other: one | other, above, below)


def _expected(numbers: list[int], handed: list[int], edited: dict[Key, int]) -> list[int]:
    """The numbers of job, cluster and group after edits and a pass; `handed` is what each was handed last."""
    now = [edited.get(level, number) for level, number in zip(LEVELS, numbers, strict=True)]
    for child in (1, 2):
        if now[child - 1] != handed[child]:
            now[child] = handed[child] = now[child - 1]
    return now


@given(st.lists(edits, max_size=5))
def test_the_last_who_changes_a_number_is_followed_and_a_parent_wins_a_tie(history: list[dict[Key, int]]) -> None:
    """Job, cluster and group each have a number; a pass makes of them what a model of twelve lines says."""
    world = World(job(replicas=2))
    world.reconcile()
    numbers, handed = [2, 2, 2], [2, 2, 2]
    for edited in history:
        for level, replicas in edited.items():
            change = {"worker": {"replicas": replicas}}
            world.edit(level, {"spec": {"cluster": {"spec": change}} if level == JOB else change})
        world.reconcile()
        numbers = _expected(numbers, handed, edited)
        assert [_replicas(world, level) for level in LEVELS] == numbers
    world.settle()
    assert len(world.workers(GROUP.name)) == numbers[2]


def _replicas(world: World, level: Key) -> int:
    spec = world.get(level)["spec"]
    replicas: int = (spec["cluster"]["spec"] if level == JOB else spec)["worker"]["replicas"]
    return replicas
