"""How the retirements of workers ended whose Pods a pass has deleted, and what was lost, as their schedulers last told.

handed_over   it held nothing any more that no other worker had, and ran nothing
last_ones     nobody was left who could have taken what it held
given_up      its deadline had passed
not_joined    its scheduler did not have it: it never joined, or left by itself
not_asked     nobody was asked to let it go: it had not started, had ended, or no scheduler could be asked
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.kinds import POD, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskWorkerGroup
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Snapshot
from models.status import Retirement
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.rules.dask_workers import DaskWorkers
from reconciler.rules.parts import ClusterParts, cluster_key


class Outcome(StrEnum):
    """How a retirement ended."""

    HANDED_OVER = "handed_over"
    LAST_ONES = "last_ones"
    GIVEN_UP = "given_up"
    NOT_JOINED = "not_joined"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class End:
    """The end of one retirement.

    Args:
        outcome: How it ended.
        seconds: How long it took from the decision on; `None` if that is not known.
        moved_bytes: How much less it held at the end, of what no other worker had, than when it was chosen: what was
            handed over, and what was no longer needed.
        lost_tasks: How many tasks still ran.
        lost_results: How many results went that no other worker had.
        lost_bytes: How large they were.
    """

    outcome: Outcome
    seconds: float | None
    moved_bytes: int = 0
    lost_tasks: int = 0
    lost_results: int = 0
    lost_bytes: int = 0


def retirement_ends(responses: Iterable[Response], snapshot: Snapshot) -> Mapping[Key, tuple[End, ...]]:
    """The ends of retirements, by group.

    Args:
        responses: How the pass's writes ended.
        snapshot: The world.
    """
    deleted: dict[Key, list[Action]] = {}
    for response in responses:
        action = response.action
        if action.verb is Verb.DELETE and action.key.kind is POD and response.result is Result.DONE:
            deleted.setdefault(action.owner, []).append(action)
    found = {key: tuple(_ends(key, actions, snapshot)) for key, actions in deleted.items()}
    return {key: ends for key, ends in found.items() if ends}


def _ends(key: Key, deleted: Iterable[Action], snapshot: Snapshot) -> Iterator[End]:
    group = snapshot.get(DaskWorkerGroup, key)
    cluster = snapshot.get(DaskCluster, cluster_key(group)) if group is not None else None
    if group is None or cluster is None:
        return
    dask = DaskWorkers(ClusterParts(cluster, snapshot))
    retiring = {one.uid: one for one in group.status.decisions.retiring}
    for action in deleted:
        if (retirement := retiring.get(action.uid)) is not None:
            pod = snapshot.get(Pod, action.key)
            named = dask.answer.workers_in(action.key.name, "") if dask.answer is not None else ()
            inside = dask.inside(pod) if pod is not None else named
            yield _end_of(retirement, inside, dask.answer, snapshot.taken_at)


def _end_of(retirement: Retirement, inside: Sequence[DaskWorker], answer: SchedulerAnswer | None, now: datetime) -> End:
    seconds = None if retirement.since is None else max(0.0, (now - retirement.since).total_seconds())
    if retirement.asked is None:
        return End(Outcome.NOT_ASKED, seconds)
    is_late = retirement.deadline is not None and now >= retirement.deadline
    is_unknown = answer is None or answer.at is None or answer.is_silent
    if not inside:
        return End(Outcome.GIVEN_UP if is_late and is_unknown else Outcome.NOT_JOINED, seconds)
    tasks, results = sum(one.running for one in inside), sum(one.unique_keys for one in inside)
    left = sum(one.unique_bytes for one in inside)
    moved = max(0, (retirement.unique_bytes or 0) - left)
    if not (tasks or results or (is_late and is_unknown)):
        return End(Outcome.HANDED_OVER, seconds, moved)
    outcome = Outcome.GIVEN_UP if is_late else Outcome.LAST_ONES
    return End(outcome, seconds, moved, tasks, results, left)
