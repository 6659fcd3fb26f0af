"""What is told of workers that retire: numbers in their group's status, and Events."""

from collections.abc import Iterator, Sequence

from models.resources import DaskWorkerGroup
from models.status import DaskWorkerGroupStatus, Retirements
from reconciler.passes.report.event_objects import Event
from reconciler.passes.report.sentences import size
from reconciler.passes.report.view import View
from reconciler.passes.retirement_ends import End, Outcome, retirement_ends
from reconciler.passes.values import Result, Verb
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.parts import is_live, workers_of

_ASKED = (Outcome.HANDED_OVER, Outcome.LAST_ONES, Outcome.GIVEN_UP)


def retirements(view: View, group: DaskWorkerGroup) -> Retirements | None:
    """What retirements have brought so far: what was known before the pass, and those that it has ended."""
    before, ended = _before(view, group), _ended(view, group)
    if not ended:
        return before
    so_far = before or Retirements()
    return Retirements(
        moved_bytes=so_far.moved_bytes + sum(end.moved_bytes for end in ended),
        given_up=so_far.given_up + sum(end.outcome is Outcome.GIVEN_UP for end in ended),
        lost_tasks=so_far.lost_tasks + sum(end.lost_tasks for end in ended),
        lost_results=so_far.lost_results + sum(end.lost_results for end in ended),
        lost_bytes=so_far.lost_bytes + sum(end.lost_bytes for end in ended),
    )


def events_of_retiring(view: View, group: DaskWorkerGroup, *, is_rolling: bool) -> Iterator[Event]:
    """That workers were given up, with what was lost; and when the last of those that go is gone, what has become.

    Of a rolling update, in which they go one after the other, only losses are told.
    """
    ended = _ended(view, group)
    given_up = [end for end in ended if end.outcome is Outcome.GIVEN_UP]
    if given_up:
        words = f"{_workers(given_up)} deleted at the deadline, {_lost(given_up) or 'with what is not known'}."
        yield Event(EventReason.RETIREMENT_GIVEN_UP.type, EventReason.RETIREMENT_GIVEN_UP, words)
    others = [end for end in ended if end.outcome is not Outcome.GIVEN_UP]
    lost = _lost(others)
    if others and (lost or not (is_rolling or _is_going_on(view, group))):
        chosen = [one for one in group.status.decisions.retiring if one.asked is not None]
        held = sum(one.unique_bytes or 0 for one in chosen)
        number = f"{len(chosen)} workers have" if len(chosen) > 1 else "A worker has"
        words = f"{number} retired, with {size(held)} of results at first that no other worker had."
        words += f" Nobody was left to take all of it: the last went {lost}." if lost else ""
        yield Event(EventReason.WORKERS_RETIRED.type, EventReason.WORKERS_RETIRED, words)


def _before(view: View, group: DaskWorkerGroup) -> Retirements | None:
    status = view.status_before(group)
    return status.retirements if isinstance(status, DaskWorkerGroupStatus) else None


def _ended(view: View, group: DaskWorkerGroup) -> tuple[End, ...]:
    """How retirements ended in this pass, of workers that could have handed something over."""
    deleted = view.responses_of(group, (Verb.DELETE,), (Result.DONE,))
    ends = retirement_ends(deleted, view.snapshot).get(group.key, ())
    return tuple(end for end in ends if end.outcome in _ASKED)


def _is_going_on(view: View, group: DaskWorkerGroup) -> bool:
    asked = {one.uid for one in group.status.decisions.retiring if one.asked is not None}
    return any(is_live(pod) and pod.metadata.uid in asked for pod in workers_of(group, view.snapshot))


def _workers(ended: Sequence[End]) -> str:
    return f"{len(ended)} workers were" if len(ended) > 1 else "A worker was"


def _lost(ended: Sequence[End]) -> str:
    """With what they went; empty if with nothing, as far as is known."""
    tasks, results = sum(end.lost_tasks for end in ended), sum(end.lost_results for end in ended)
    parts = [f"{tasks} task{'s' * (tasks > 1)} that ran"] * bool(tasks)
    if results:
        held = size(sum(end.lost_bytes for end in ended))
        parts.append(f"{results} result{'s' * (results > 1)} ({held}) that no other worker had")
    return f"with {' and '.join(parts)}" if parts else ""
