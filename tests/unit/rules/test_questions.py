"""Which schedulers are asked, where, and what they are asked to do."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.observed import Pod
from models.snapshot import Observed
from reconciler.rules.questions import Question, questions
from tests.builders import (
    NOON,
    autoscaler,
    cluster,
    default_group,
    group,
    job,
    job_cluster,
    scheduler,
    worker,
    workers,
    world,
)
from tests.manifests import pod_spec

SETTLED = {
    "observedGeneration": 1,
    "conditions": [
        {"type": "Ready", "status": "True", "reason": "Ready"},
        {"type": "Progressing", "status": "False", "reason": "Settled"},
    ],
}
ONE = cluster(status=SETTLED)
HEAD = scheduler(ONE, ip="10.0.0.7")
DEFAULT = default_group(ONE, status=SETTLED)
UCX = cluster(
    scheduler={"spec": pod_spec(args=["dask", "scheduler", "--protocol", "ucx"]), "tls": {"secretName": "dask-tls"}}
)
SECURED = cluster(scheduler={"spec": pod_spec(args=["dask", "scheduler", "--protocol", "tls"])})


def _asked(*objects: Observed) -> list[Question]:
    return list(questions(world(*objects)))


def _urgency(*objects: Observed) -> bool:
    (question,) = _asked(*objects)
    return question.is_urgent


def _retiring(*pods: Pod, **more: Any) -> dict[str, Any]:
    stamp = {"asked": NOON.isoformat(), **more}
    going = [{"name": pod.metadata.name, "uid": pod.metadata.uid, **stamp} for pod in pods]
    return {**SETTLED, "decisions": {"retiring": going}}


def test_a_scheduler_is_asked_at_its_pod() -> None:
    """Of a cluster that is as it should be, nothing more than whether it is still there."""
    assert _asked(ONE, HEAD, DEFAULT) == [
        Question(ONE.key, ONE.key, HEAD.metadata.uid, "10.0.0.7", 8786, pod=HEAD.metadata.name, most=4),
    ]


def test_a_cluster_that_adapts_is_asked_how_many_workers_it_would_like() -> None:
    """In the time that each autoscaler sets; no more than make a difference; and who works, if several share them."""
    other = group(ONE, "other", status=SETTLED)
    first = autoscaler(ONE, "first", status={"decisions": {"threads": 4}})
    second = autoscaler(ONE, "second", spec={"workerGroup": "other", "targetDurationSeconds": 60})
    (alone,) = _asked(ONE, HEAD, DEFAULT, other, first)
    assert (set(alone.targets), alone.most, alone.shares) == ({None}, (3 + 10 + 1) * 4, False)
    assert not alone.is_urgent
    (both,) = _asked(ONE, HEAD, DEFAULT, other, first, second)
    assert (set(both.targets), both.most, both.shares) == ({None, 60}, (10 + 10 + 1) * 4, True)
    lost = autoscaler(ONE, "lost", spec={"workerGroup": "nobody"})
    (nothing,) = _asked(ONE, HEAD, DEFAULT, lost, autoscaler("simple", "free"))
    assert not nothing.targets


def test_a_jobs_cluster_is_in_its_jobs_tree() -> None:
    """What it tells is news for the job."""
    train = job()
    of = job_cluster(train)
    (question,) = _asked(train, of, scheduler(of))
    assert (question.cluster, question.tree) == (of.key, train.key)


@pytest.mark.parametrize(
    ("args", "secret"),
    [
        pytest.param(["--protocol", "tls"], "dask-tls", id="it says that it speaks TLS"),
        pytest.param([], "dask-tls", id="nothing that can be seen says what it speaks"),
        pytest.param(["--protocol", "tcp"], "", id="it says that it does not"),
    ],
)
def test_a_scheduler_that_speaks_tls_is_asked_with_the_secret_that_its_cluster_names(
    args: list[str], secret: str
) -> None:
    """Certificates for one that speaks plain TCP are of no use."""
    spec = {"spec": pod_spec(args=["dask", "scheduler", *args]), "tls": {"secretName": "dask-tls"}}
    of = cluster(scheduler=spec)
    (question,) = _asked(of, scheduler(of))
    assert question.tls_secret == secret


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param((ONE,), id="no scheduler"),
        pytest.param((ONE, scheduler(ONE, ready=False)), id="not ready"),
        pytest.param((ONE, scheduler(ONE, phase="Succeeded", exit_code=0)), id="ended"),
        pytest.param((ONE, scheduler(ONE, deleting=True)), id="ending"),
        pytest.param((ONE, scheduler(ONE, template_hash="old")), id="about to be replaced"),
        pytest.param((ONE, scheduler(ONE, ip="")), id="without an address"),
        pytest.param((SECURED, scheduler(SECURED)), id="speaks TLS, and no Secret is named"),
        pytest.param((UCX, scheduler(UCX)), id="speaks UCX, with a Secret"),
    ],
)
def test_nobody_is_asked_who_cannot_answer(objects: tuple[Observed, ...]) -> None:
    """Nor one whose answer is worth nothing, since it is to be replaced."""
    assert _asked(*objects) == []


@pytest.mark.parametrize(
    ("objects", "is_urgent"),
    [
        pytest.param((ONE, HEAD), False, id="settled"),
        pytest.param((ONE, HEAD, DEFAULT), False, id="with its group"),
        pytest.param((cluster(), HEAD), True, id="new"),
        pytest.param((cluster(status=SETTLED, generation=2), HEAD), True, id="edited a moment ago"),
        pytest.param((ONE, HEAD, group(ONE, status=SETTLED, generation=2)), True, id="one of its groups edited"),
        pytest.param((ONE, HEAD, DEFAULT, group(ONE)), True, id="another group added"),
    ],
)
def test_a_question_is_urgent_while_anything_waits_for_the_answer(
    objects: tuple[Observed, ...], *, is_urgent: bool
) -> None:
    """Whatever was last reported: an edit may be newer, and then somebody may have to go."""
    assert _urgency(*objects) is is_urgent


def test_who_was_chosen_to_go_is_let_go_by_its_scheduler() -> None:
    """By the Pod's name and address, of all groups; neither those that were let go without asking nor those gone."""
    first, second = (worker(DEFAULT, ONE, number, ip=f"10.0.0.{number}") for number in (1, 2))
    default = default_group(ONE, status=_retiring(first, worker(DEFAULT, ONE, 9)))
    third, fourth = (worker(group(ONE), ONE, number, ip=f"10.0.0.{number}") for number in (3, 4))
    more = group(ONE, status=_retiring(third))
    (question,) = _asked(ONE, HEAD, default, first, second, more, third, fourth)
    assert question.retire == {(first.metadata.name, "10.0.0.1"), (third.metadata.name, "10.0.0.3")}
    assert question.is_urgent
    (question,) = _asked(ONE, HEAD, default_group(ONE, status=_retiring(first, asked=None)), first)
    assert (question.retire, question.is_urgent) == (frozenset(), False)


@pytest.mark.parametrize(("seconds_left", "is_asked"), [(1, True), (-1, False)])
def test_who_is_being_deleted_is_let_go_while_there_is_time(seconds_left: int, *, is_asked: bool) -> None:
    """A Pod on a node that is lost is there for days: nobody asks of it all the while."""
    pod = worker(DEFAULT, ONE, 1, deleting=NOON + timedelta(seconds=seconds_left))
    (question,) = _asked(ONE, HEAD, default_group(ONE, status=_retiring(pod)), pod)
    assert (bool(question.retire), question.is_urgent) == (is_asked, is_asked)


def test_a_question_names_the_pods_whose_workers_are_of_interest() -> None:
    """Not those that have ended: their addresses may be others' by now."""
    first, second = (worker(DEFAULT, ONE, number, ip=f"10.0.0.{number}") for number in (1, 2))
    ended = worker(DEFAULT, ONE, 3, ip="10.0.0.1", phase="Failed", exit_code=1)
    (question,) = _asked(ONE, HEAD, DEFAULT, first, second, ended)
    assert question.pods == {(first.metadata.name, "10.0.0.1"), (second.metadata.name, "10.0.0.2")}


@pytest.mark.parametrize(
    ("more", "lets_go"),
    [
        pytest.param({"replicas": 2}, False, id="as many as are wanted"),
        pytest.param({"replicas": 1}, True, id="one too many"),
        pytest.param({"replicas": 2, "status": {"replicas": 2, "updatedReplicas": 1}}, True, id="one of them is old"),
        pytest.param(
            {
                "replicas": 2,
                "status": {"replicas": 2, "updatedReplicas": 1},
                "worker": {"updateStrategy": {"type": "OnDelete"}},
            },
            False,
            id="one is old, and stays until someone deletes it",
        ),
        pytest.param({"replicas": 2, "status": _retiring(workers(DEFAULT, ONE, 1)[0])}, True, id="one was chosen"),
    ],
)
def test_a_question_says_whether_somebody_is_to_go(more: dict[str, Any], *, lets_go: bool) -> None:
    """Then what workers hold must not have been told long ago."""
    (question,) = _asked(ONE, HEAD, default_group(ONE, **more), *workers(DEFAULT, ONE, 1, 2))
    assert question.lets_go is lets_go


def test_the_state_of_an_urgent_question_changes_with_edits_and_pods() -> None:
    """And with nothing else; of one that is not urgent nobody needs it."""
    new, pods = cluster(), workers(DEFAULT, ONE, 1, 2)
    states = [
        _asked(new, HEAD, DEFAULT, *pods),
        _asked(cluster(generation=2), HEAD, DEFAULT, *pods),
        _asked(new, HEAD, default_group(ONE, generation=2), *pods),
        _asked(new, HEAD, DEFAULT, pods[0]),
        _asked(new, HEAD, DEFAULT, pods[0], replace(pods[1], metadata=replace(pods[1].metadata, resource_version="9"))),
    ]
    assert len({question.state for (question,) in states}) == len(states)
    assert _asked(new, HEAD, DEFAULT, *pods)[0].state == states[0][0].state
    assert _asked(ONE, HEAD, DEFAULT, *pods)[0].state == 0
