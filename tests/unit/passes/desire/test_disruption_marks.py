"""Marks for node autoscalers: what a Pod is worth where it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from models.observed import Pod
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Owner, Snapshot
from reconciler.passes.desire import desire
from reconciler.passes.plan import plan
from reconciler.passes.values import Body, Verb
from reconciler.rules.labels import DO_NOT_DISRUPT, SAFE_TO_EVICT
from reconciler.rules.names import Naming
from tests.builders import NOON, cluster, default_group, job, job_cluster, scheduler, services, worker, world
from tests.manifests import pod_spec

KEPT = {DO_NOT_DISRUPT: "true", SAFE_TO_EVICT: "false"}
MOVED = {SAFE_TO_EVICT: "true"}
ONE = cluster(replicas=1)
HEAD = scheduler(ONE)
GROUP = default_group(ONE, status={"decisions": {"highestOrdinal": 1}})
NEEDED, IDLE, NEW = (DaskWorker("", "", counts_as_needed=counts) for counts in (True, False, None))


def _marks(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: annotations[name] for name in (DO_NOT_DISRUPT, SAFE_TO_EVICT) if name in annotations}


def _written(of: Owner, snapshot: Snapshot, *, marks: bool = True) -> tuple[Body, ...]:
    """The bodies of all writes to Pods."""
    actions = plan(desire(of, snapshot, Naming.CLASSIC, marks=marks), snapshot).actions
    return tuple(one.body for one in actions if one.verb in (Verb.CREATE, Verb.UPDATE) and one.key.kind.name == "Pod")


def _told(*workers: DaskWorker, pod: Pod | None = None, **more: Any) -> Snapshot:
    """A world in which the scheduler has told of one worker Pod's processes."""
    pod = pod or worker(GROUP, ONE)
    inside = tuple(replace(one, name=f"{pod.metadata.name}-{number}") for number, one in enumerate(workers))
    answer = SchedulerAnswer(HEAD.metadata.uid, NOON, inside, is_weighed=True)
    return replace(world(ONE, HEAD, *services(ONE), GROUP, pod), schedulers={ONE.key: replace(answer, **more)})


def _after(pod: Pod, snapshot: Snapshot, *, marks: bool = True) -> Pod:
    """The Pod when all was written that is to be written to it."""
    annotations = dict(pod.metadata.annotations)
    for body in _written(GROUP, snapshot, marks=marks):
        for name, value in body["metadata"]["annotations"].items():
            annotations.pop(name, None) if value is None else annotations.update({name: value})
    return replace(pod, metadata=replace(pod.metadata, annotations=annotations))


def _marked(*workers: DaskWorker, pod: Pod | None = None) -> Pod:
    pod = pod or worker(GROUP, ONE)
    return _after(pod, _told(*workers, pod=pod))


@pytest.mark.parametrize(
    ("inside", "marks"),
    [
        pytest.param([NEEDED], KEPT, id="works or holds results"),
        pytest.param([IDLE], MOVED, id="idle"),
        pytest.param([NEW], {}, id="not known yet"),
        pytest.param([IDLE, NEEDED], KEPT, id="one of its processes works"),
        pytest.param([IDLE, NEW], {}, id="one of its processes is not known yet"),
        pytest.param([], {}, id="not joined"),
    ],
)
def test_a_worker_is_kept_for_what_it_does_and_holds(inside: list[DaskWorker], marks: dict[str, str]) -> None:
    """And let go when it is idle; while that is not known, it stays as it is."""
    assert _marks(_marked(*inside).metadata.annotations) == marks


def test_marks_follow_the_worker_and_are_written_once() -> None:
    """There and back, without a trace when it is switched off."""
    kept = _marked(NEEDED)
    assert _written(GROUP, _told(NEEDED, pod=kept)) == ()
    assert _written(GROUP, _told(NEW, pod=kept)) == ()
    moved = _marked(IDLE, pod=kept)
    assert _marks(moved.metadata.annotations) == MOVED
    assert _written(GROUP, _told(IDLE, pod=moved)) == ()
    assert _marks(_marked(NEEDED, pod=moved).metadata.annotations) == KEPT
    for pod in (kept, moved):
        assert _after(pod, _told(NEEDED, pod=pod), marks=False) == worker(GROUP, ONE)


@pytest.mark.parametrize("where", ["cluster", "group", "template", "the Pod itself"])
def test_what_others_have_set_stands(where: str) -> None:
    """Each mark by itself."""
    theirs: Any = {"annotations": {SAFE_TO_EVICT: "maybe"}}
    pod, of, one = worker(GROUP, ONE), GROUP, ONE
    if where == "cluster":
        one = cluster(replicas=1, **theirs)
    elif where == "the Pod itself":
        pod = worker(GROUP, ONE, **theirs)
    else:
        more: Any = theirs if where == "group" else {"worker": {"metadata": theirs}}
        of = default_group(ONE, status={"decisions": {"highestOrdinal": 1}}, **more)
    told = _told(NEEDED, pod=pod)
    snapshot = replace(world(one, HEAD, of, pod), schedulers=told.schedulers)
    (body,) = _written(of, snapshot)
    found = {**pod.metadata.annotations, **body["metadata"]["annotations"]}
    assert _marks(found) == {DO_NOT_DISRUPT: "true", SAFE_TO_EVICT: "maybe"}


def test_a_new_worker_is_kept_where_its_work_will_be_looked_at() -> None:
    """It costs no second write where it soon has something to do."""
    asked = replace(world(ONE, HEAD, GROUP), schedulers={})
    (body,) = _written(GROUP, asked)
    assert _marks(body["metadata"]["annotations"]) == KEPT
    for snapshot in (world(ONE, HEAD, GROUP), _in_vain(world(ONE, HEAD, GROUP))):
        (body,) = _written(GROUP, snapshot)
        assert _marks(body["metadata"]["annotations"]) == {}


def _in_vain(snapshot: Snapshot) -> Snapshot:
    silent = SchedulerAnswer(HEAD.metadata.uid, error="it does not answer", is_silent=True)
    return replace(snapshot, schedulers={ONE.key: silent})


def test_marks_go_where_a_scheduler_never_answers() -> None:
    """Its workers are not kept for ever; one whose scheduler has answered before, or is not asked now, is as it was."""
    kept = _marked(NEEDED)
    unasked = world(ONE, HEAD, GROUP, kept)
    assert _marks(_after(kept, _in_vain(unasked)).metadata.annotations) == {}
    assert _written(GROUP, unasked) == ()
    assert _written(GROUP, _told(NEEDED, pod=kept, is_silent=True)) == ()
    restarted = replace(world(ONE, scheduler(ONE, ready=False), GROUP, kept), schedulers={})
    assert _written(GROUP, restarted) == ()


def test_schedulers_and_runners_are_kept() -> None:
    """What they know is lost with them; whether or not anybody is asked."""
    train = job()
    of = job_cluster(train)
    for owner, snapshot in ((ONE, world(ONE)), (ONE, world(ONE, HEAD)), (train, world(train, of, scheduler(of)))):
        (body,) = _written(owner, snapshot)
        assert _marks(body["metadata"]["annotations"]) == KEPT
        assert not any(_marks(one["metadata"]["annotations"]) for one in _written(owner, snapshot, marks=False))


def test_a_scheduler_that_speaks_tls_leaves_its_workers_unmarked() -> None:
    """It is asked nothing."""
    secured = cluster(replicas=1, scheduler={"spec": pod_spec(args=["dask", "scheduler", "--protocol", "tls"])})
    of = default_group(secured)
    (body,) = _written(of, replace(world(secured, scheduler(secured), of), schedulers={}))
    assert _marks(body["metadata"]["annotations"]) == {}
