"""What a loop has schedulers asked, and what comes of their answers."""

import threading
from dataclasses import dataclass, field

import pytest

from models.idle_state import IdleState
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_WORKER_GROUP, POD, Key
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from reconciler.dask.asking import Schedulers
from reconciler.memory import twin_of
from reconciler.rules.labels import COMPONENT, Component
from reconciler.rules.questions import Question
from reconciler.wire.protocol import Body
from tests.builders import NAMESPACE, autoscaler, cluster
from tests.simulation.kubelet import Kubelet
from tests.unit.loops import Server, loop_of

CLUSTER = Key(DASK_CLUSTER, NAMESPACE, "simple")
AUTO = Key(DASK_AUTOSCALER, NAMESPACE, "auto")
GROUP = Key(DASK_WORKER_GROUP, NAMESPACE, "simple-default-worker-group")


@dataclass
class Dask:
    """A scheduler that has all workers, of which each holds a result."""

    server: Server
    asked: list[Question] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schedulers = Schedulers(self.ask, self.server.place.clock, self.server.place.clock.seconds)

    def ask(self, question: Question, _: SchedulerAnswer) -> SchedulerAnswer:
        self.asked.append(question)
        workers = (DaskWorker(pod["metadata"]["name"], "", unique_keys=1) for pod in _workers(self.server))
        idle = IdleState(is_idle=True, mark="1.5") if question.idle is not None else None
        targets = dict.fromkeys(question.targets, 9)
        return SchedulerAnswer(
            question.pod_uid, workers=tuple(workers), is_weighed=question.is_urgent, idle=idle, targets=targets
        )


def _workers(server: Server) -> list[Body]:
    pods = server.place.api.objects(POD)
    return [pod for pod in pods if pod["metadata"]["labels"][COMPONENT] == Component.WORKER]


def _object(server: Server, key: Key) -> Body:
    found = server.place.api.get(key)
    assert found is not None
    return found


@pytest.fixture
def server() -> Server:
    """One that has a cluster with two workers, up and running."""
    server = Server()
    server.place.add(cluster(replicas=2))
    kubelet = Kubelet(server.place.api, server.place.clock)
    for _ in range(3):
        loop_of(server).once()
        while kubelet.step():
            pass
    assert _object(server, CLUSTER)["status"]["workers"] == "2/2"
    return server


def _scale_down(server: Server) -> None:
    server.place.api.patch(CLUSTER, {"metadata": {}, "spec": {"worker": {"replicas": 1}}})


def _retiring(server: Server) -> list[Body]:
    decisions = _object(server, GROUP)["status"].get("decisions", {})
    found: list[Body] = decisions.get("retiring", [])
    return found


def test_a_single_pass_asks_first(server: Server) -> None:
    """An edit of a moment ago needs the answer: who goes is chosen in this pass, and asked to hand over in the next."""
    dask = Dask(server)
    _scale_down(server)
    loop_of(server, schedulers=dask.schedulers).once()
    assert [(one.is_urgent, one.retire) for one in dask.asked] == [(True, frozenset())]
    (going,) = _retiring(server)
    loop_of(server, schedulers=dask.schedulers).once()
    assert {name for name, _ in dask.asked[-1].retire} == {going["name"]}
    assert len(_workers(server)) == 2


def test_a_rehearsal_asks_and_lets_nobody_go(server: Server) -> None:
    """Though somebody was chosen to go before."""
    dask = Dask(server)
    _scale_down(server)
    loop_of(server, schedulers=dask.schedulers).once()
    assert _retiring(server)
    dask.asked.clear()
    loop_of(server, schedulers=dask.schedulers, twin=twin_of).once()
    dask.schedulers.ask_due()
    dask.schedulers.ask_all()
    assert dask.asked
    assert not any(question.retire for question in dask.asked)


def test_without_anyone_who_asks_a_worker_goes_at_once(server: Server) -> None:
    """With what it holds, as it is told to with `--no-dask`."""
    _scale_down(server)
    for _ in range(2):
        loop_of(server).once()
    assert len([pod for pod in _workers(server) if "deletionTimestamp" not in pod["metadata"]]) == 1


def test_a_pass_waits_for_no_answer_and_uses_the_last(server: Server) -> None:
    """What follows from a pass is asked after it; a cluster that is gone is asked no more."""
    dask = Dask(server)
    assert _passes(server, dask) == SchedulerAnswer(_uid(server))
    dask.schedulers.ask_due()
    _scale_down(server)
    _passes(server, dask)
    assert not _retiring(server)
    dask.schedulers.ask_due()
    assert [one.is_urgent for one in dask.asked] == [False, True]
    _passes(server, dask)
    (going,) = _retiring(server)
    dask.schedulers.ask_due()
    assert {name for name, _ in dask.asked[-1].retire} == {going["name"]}
    server.place.api.delete(CLUSTER, _object(server, CLUSTER)["metadata"]["uid"])
    assert _passes(server, dask) is None


def test_a_daemon_that_starts_anew_writes_nothing_before_schedulers_have_answered(server: Server) -> None:
    """Nor afterwards: whether they are idle, and what they would like, was known, and is as it was."""
    server.place.add(autoscaler("simple", spec={"minimum": 0, "maximum": 2}))
    server.place.api.patch(CLUSTER, {"metadata": {}, "spec": {"idleTimeout": 600}})
    dask = Dask(server)
    for _ in range(60):
        _passes(server, dask)
        dask.schedulers.ask_due()
        server.place.clock.advance(5)
    told = _object(server, CLUSTER)["status"]["conditions"], _object(server, AUTO)["status"]["conditions"]
    reasons = [one["reason"] for conditions in told for one in conditions]
    assert {"Idle", "TooManyReplicas", "ValidMetricFound"} <= set(reasons)
    dask, before = Dask(server), server.place.api.revision
    for _ in range(3):
        _passes(server, dask)
        assert server.place.api.revision == before
        dask.schedulers.ask_due()


def _passes(server: Server, dask: Dask) -> SchedulerAnswer | None:
    """One pass of a daemon's, and what is known of the scheduler then."""
    stop = threading.Event()
    loop_of(server, lambda _: stop.set(), schedulers=dask.schedulers).forever(stop)
    return dask.schedulers.answers().get(CLUSTER)


def _uid(server: Server) -> str:
    uid: str = _object(server, Key(POD, NAMESPACE, "simple-scheduler"))["metadata"]["uid"]
    return uid
