"""What a DaskAutoscaler asks for: records of what must be remembered, and its group's number of workers."""

from dataclasses import replace
from typing import Any

from models.resources import DaskAutoscaler
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Observed, Snapshot
from reconciler.passes.desire import desire
from reconciler.passes.plan import plan
from reconciler.passes.values import Desired, Verb
from reconciler.rules.names import Naming
from tests.builders import NOON, autoscaler, cluster, default_group, group, scheduler, workers, world
from tests.unit.rules.scaled import policy

ONE = cluster()
HEAD = scheduler(ONE)
DEFAULT = default_group(ONE, labels={"team": "x"}, annotations={"note": "y"})
OWN = autoscaler(ONE)


def _world(target: int | None, *objects: Observed, **told: Any) -> Snapshot:
    targets: dict[int | None, int] = {} if target is None else {None: target}
    answer = replace(SchedulerAnswer(HEAD.metadata.uid, NOON, targets=targets, targets_at=NOON), **told)
    return replace(world(ONE, HEAD, *objects), schedulers={ONE.key: answer})


def _desired(target: int | None, scaler: DaskAutoscaler = OWN, *others: Observed, **told: Any) -> Desired:
    return desire(scaler, _world(target, DEFAULT, scaler, *others, **told), Naming.CLASSIC)


def test_more_workers_are_asked_for_at_once() -> None:
    """The group's number alone is changed, guarded by its version, and says why."""
    there = _world(7, DEFAULT, OWN)
    (action,) = plan(desire(OWN, there, Naming.CLASSIC), there).actions
    guard = {"uid": DEFAULT.metadata.uid, "resourceVersion": "1"}
    assert action.body == {"metadata": guard, "spec": {"worker": {"replicas": 7}}}
    assert (action.verb, action.key, action.owner) == (Verb.UPDATE, DEFAULT.key, OWN.key)
    assert action.reason == "7 workers are wanted, 3 are asked for, and 7 are to be"


def test_what_must_be_remembered_is_written_down_before_anything_is_changed() -> None:
    """Here that fewer are wanted, which waits for a window; nothing is changed in the same turn."""
    (record,) = _desired(1).records
    assert record.body["status"]["decisions"]["recommendations"] == [{"replicas": 1, "since": "2026-01-31T12:00:00Z"}]
    assert not _desired(1).wanted
    limited = autoscaler(ONE, spec={"behavior": {"scaleUp": {"policies": [policy("Pods", 1, 60)]}}})
    desired = _desired(7, limited)
    assert not desired.wanted
    (record,) = desired.records
    decisions = record.body["status"]["decisions"]
    assert (decisions["replicas"], decisions["scaleEvents"][0]["change"]) == (4, 1)
    decided = autoscaler(ONE, spec=limited.spec.written(), status={"decisions": decisions})
    (wanted,) = _desired(7, decided).wanted
    assert wanted.body["spec"]["worker"]["replicas"] == 4


def test_where_all_is_as_it_should_be_nothing_is_asked_for() -> None:
    """Nor where nothing is known of the work, or another autoscaler acts."""
    older = autoscaler(ONE, "a")
    assert _desired(3) == _desired(None) == _desired(9, OWN, older) == Desired(OWN)


def test_bounds_are_kept_though_nothing_is_known_of_the_work() -> None:
    """A scheduler that hangs keeps nobody from lowering the maximum."""
    low, high = autoscaler(ONE, spec={"maximum": 2}), autoscaler(ONE, spec={"minimum": 5})
    for scaler, replicas in ((low, 2), (high, 5)):
        (wanted,) = _desired(None, scaler).wanted
        assert wanted.body["spec"]["worker"]["replicas"] == replicas


def test_the_threads_of_its_workers_are_remembered_once() -> None:
    """A scheduler without workers counts threads."""
    pods = workers(DEFAULT, ONE, 1, 2, 3)
    told = {"workers": tuple(DaskWorker(pod.metadata.name, "", threads=4) for pod in pods)}
    (record,) = _desired(3, OWN, *pods, **told).records
    assert record.body["status"]["decisions"]["threads"] == 4
    knows = autoscaler(ONE, status={"decisions": record.body["status"]["decisions"]})
    assert _desired(3, knows, *pods, **told) == Desired(knows)


def test_any_group_can_be_scaled_and_no_other_is() -> None:
    """A user's own group too, whose spec nobody else here ever writes."""
    more = group(ONE)
    scaler = autoscaler(ONE, spec={"workerGroup": "more"})
    (wanted,) = _desired(3 + 5, scaler, more).wanted
    assert (wanted.key, wanted.body["spec"]["worker"]["replicas"]) == (more.key, 5)


def test_how_many_threads_there_are_holds_up_nothing() -> None:
    """It is remembered for the day when there are no workers; an older API server's definitions drop it."""
    busy = workers(DEFAULT, ONE, 3)
    joined = tuple(DaskWorker(pod.metadata.name, "", threads=2) for pod in busy)
    desired = _desired(7, OWN, *busy, workers=joined)
    (record,), (wanted,) = desired.records, desired.wanted
    assert record.body["status"]["decisions"]["threads"] == 2
    assert wanted.body["spec"]["worker"]["replicas"] == 7
