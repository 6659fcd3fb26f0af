"""Dask schedulers in virtual time: workers join, hold results that no other has, and hand them over when they retire.

    Pod ready ──► joined ──► retiring: ends a task and hands over a result each time it is asked ──► empty
                     └─ its Pod goes: what only it held is lost

A scheduler's state goes with its Pod. Nothing is random: what a worker holds follows from its name. It has something to
do while a worker has, or a user says so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zlib import crc32

from models.idle_state import IdleQuestion, IdleState
from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, Key
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from reconciler.memory import MemoryAPI
from reconciler.rules.labels import SCHEDULER_HASH, TEMPLATE_HASH, Component
from reconciler.rules.questions import Question
from reconciler.wire.protocol import Body

USUAL_WISH = 3
"""How many workers a scheduler would like to have of which nothing else is known."""


@dataclass
class Schedulers:
    """All schedulers of a world, and who asks them.

    Args:
        api: Where the Pods are.
        now: The time.

    Attributes:
        retired: The workers that were ever asked to retire.
        working: The clusters that have something to do whatever their workers have, by namespace and name.
        clients: How many Clients are connected to clusters.
        is_deaf: Whether no worker gets to join.
        wishes: How many workers each scheduler would like to have, by the namespace and name of its cluster.
        threads: How many each worker that joins has.
    """

    api: MemoryAPI
    now: Callable[[], datetime]
    retired: set[str] = field(default_factory=set)
    working: set[tuple[str, str]] = field(default_factory=set)
    clients: dict[tuple[str, str], int] = field(default_factory=dict)
    is_silent: bool = False
    is_deaf: bool = False
    wishes: dict[tuple[str, str], int] = field(default_factory=dict)
    threads: int = 1
    _questions: dict[Key, Question] = field(default_factory=dict)
    _answers: dict[Key, SchedulerAnswer] = field(default_factory=dict)
    _started: dict[str, "_Started"] = field(default_factory=dict)  # by uid
    _workers: dict[str, dict[str, DaskWorker]] = field(default_factory=dict)  # by the scheduler Pod's uid, by Pod
    _idle: dict[str, datetime] = field(default_factory=dict)  # since when, by the scheduler Pod's uid

    def answers(self) -> Mapping[Key, SchedulerAnswer]:
        """What they last told."""
        return dict(self._answers)

    def update(self, questions: Iterable[Question], is_about: Callable[[Key], bool]) -> None:
        """Take in what is to be asked."""
        given = {question.cluster: question for question in questions if is_about(question.tree)}
        for key, known in list(self._questions.items()):
            if key not in given and is_about(known.tree):
                del self._questions[key]
                self._answers.pop(key, None)
        self._questions |= given
        for key in self._answers.keys() & {key for key, question in given.items() if question.idle is None}:
            self._answers[key] = replace(self._answers[key], idle=None)

    def ask_all(self) -> None:
        """Ask each once."""
        self.step()
        for key, question in self._questions.items():
            before = self._answers.get(key)
            if before is None or before.pod_uid != question.pod_uid:
                before = SchedulerAnswer(question.pod_uid)
            if question.pod_uid not in self._workers or self.is_silent:
                self._answers[key] = replace(before, error="it does not answer", is_silent=bool(before.error))
                continue
            self._retire(question)
            workers = tuple(self._workers[question.pod_uid].values())
            idle = None
            if question.idle is not None:
                idle = self._idle_state(key, question.pod_uid, question.idle).at(self.now(), before.idle, question.idle)
            wish = self.wishes.get((key.namespace, key.name), USUAL_WISH)
            targets = dict.fromkeys(question.targets, min(question.most, wish))
            at = self.now() if targets else None
            answer = SchedulerAnswer(
                question.pod_uid, self.now(), workers, True, True, idle=idle, targets=targets, targets_at=at
            )
            self._answers[key] = answer.after(before)

    def _idle_state(self, key: Key, head: str, asked: IdleQuestion) -> IdleState:
        since, clients = self._idle.get(head), self.clients.get((key.namespace, key.name), 0)
        is_idle = since is not None and not (asked.counts_clients and clients)
        return IdleState(is_idle, None if since is None else since.isoformat(), clients)

    def idle_since(self, namespace: str, cluster: str) -> datetime | None:
        """Since when the cluster's scheduler has had nothing to do, in truth; `None` if it has, or there is none."""
        self.step()
        heads = (uid for uid in self._workers if self._started[uid].cluster == (namespace, cluster))
        return next((self._idle[uid] for uid in heads if uid in self._idle), None)

    def end_work(self, namespace: str, cluster: str) -> None:
        """The tasks that workers of the cluster have come to their end."""
        self.step()
        self.working.discard((namespace, cluster))
        for uid, known in self._workers.items():
            if self._started[uid].cluster == (namespace, cluster):
                known.update({name: replace(one, tasks=0, running=0) for name, one in known.items()})
        self._note_idle()

    def _note_idle(self) -> None:
        for uid, known in self._workers.items():
            if self._started[uid].cluster in self.working or any(one.tasks for one in known.values()):
                self._idle.pop(uid, None)
            else:
                self._idle[uid] = min(self._idle.get(uid, self.now()), self.now())  # clocks are set wrong, and right

    def step(self) -> None:
        """Workers join whose Pods are ready; those go whose Pods are gone."""
        self._join()
        self._note_idle()

    def _join(self) -> None:
        up = {body["metadata"]["uid"]: body["metadata"] for body in self.api.objects(POD) if _is_up(body)}
        for uid, meta in up.items():
            if uid not in self._started:
                self._started[uid] = self._started_of(meta)
        heads = {
            uid: self._started[uid]
            for uid, meta in up.items()
            if self._started[uid].component == Component.SCHEDULER and "deletionTimestamp" not in meta
        }
        former, self._workers = self._workers, {}
        for head, scheduler in heads.items():
            # Copies of a scheduler's Pod that someone made stand for one and the same.
            copies = (self._workers[uid] for uid in self._workers if heads[uid].cluster == scheduler.cluster)
            known = self._workers[head] = next(copies, former.get(head, {}))
            there = {meta["name"] for uid, meta in up.items() if self._started[uid].joins(scheduler)}
            for name in sorted(known.keys() - there):
                del known[name]
            for name in () if self.is_deaf else sorted(there - known.keys()):
                number = crc32(name.encode())
                worker = DaskWorker(name, "", tasks=number % 3, running=number % 3, threads=self.threads)
                known[name] = _holding(worker, number % 4)

    def _started_of(self, meta: Body) -> "_Started":
        """What a Pod's process was told when it started."""
        owner = next(iter(meta.get("ownerReferences", ())), {"kind": "", "name": ""})
        marks, cluster = meta.get("annotations", {}), owner["name"]
        if owner["kind"] == DASK_CLUSTER.name:
            return _Started(Component.SCHEDULER, (meta["namespace"], cluster), marks.get(TEMPLATE_HASH))
        group = self.api.get(Key(DASK_WORKER_GROUP, meta["namespace"], cluster))
        if owner["kind"] != DASK_WORKER_GROUP.name or group is None:
            return _Started("", None, None)
        return _Started(Component.WORKER, (meta["namespace"], group["spec"]["cluster"]), marks.get(SCHEDULER_HASH))

    def would_lose(self, pod: Body) -> bool:
        """Whether results or tasks go with a worker Pod, as things are."""
        self.step()
        name = pod["metadata"]["name"]
        found = [(known[name], known) for known in self._workers.values() if name in known]
        groups = self.api.objects(DASK_WORKER_GROUP)
        retiring = [group.get("status", {}).get("decisions", {}).get("retiring", ()) for group in groups]
        going = {one["name"] for some in retiring for one in some}
        heirs = [other for _, known in found for other in known.values() if other.name not in going]
        return any(one.running or (one.unique_keys and heirs) for one, _ in found)

    def is_needed(self, pod: Body) -> bool:
        """Whether a worker Pod has a task or holds a result."""
        name = pod["metadata"]["name"]
        return any(not known[name].is_idle for known in self._workers.values() if name in known)

    def _retire(self, question: Question) -> None:
        """Let each of those that are to go end a task and hand over a result, if there is somebody to take it."""
        known = self._workers[question.pod_uid]
        going = {name for name, _ in question.retire}
        staying = [name for name, one in known.items() if name not in going and not one.is_retiring]
        for name in sorted(going & known.keys()):
            one = known[name]
            running = max(0, one.running - 1)
            one = replace(one, is_retiring=True, tasks=running, running=running, heartbeats=one.heartbeats + 1)
            if one.unique_keys and staying:
                known[staying[0]] = _holding(known[staying[0]], 1)
                one = _holding(one, -1)
            known[name] = one
            self.retired.add(name)


def _holding(worker: DaskWorker, more: int) -> DaskWorker:
    """A worker with more results, or fewer."""
    keys = worker.unique_keys + more
    return replace(worker, unique_keys=keys, unique_bytes=keys * 100, managed_bytes=keys * 100)


@dataclass(frozen=True)
class _Started:
    """What a Pod's process was told when it started, whatever becomes of the Pod's labels.

    Args:
        component: What it is.
        cluster: The namespace and name of its cluster; none for a Pod that is nobody's.
        scheduler: Stands for the scheduler's template; `None` if something took that mark away.
    """

    component: str
    cluster: tuple[str, str] | None
    scheduler: str | None

    def joins(self, scheduler: "_Started") -> bool:
        """Whether it is a worker of that scheduler."""
        is_its = None in (self.scheduler, scheduler.scheduler) or self.scheduler == scheduler.scheduler
        return self.component == Component.WORKER and self.cluster == scheduler.cluster is not None and is_its


def _is_up(body: Body) -> bool:
    conditions = body.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
