"""How long to leave a write alone after an error: 1 s, 2 s, 4 s, … 5 minutes, each object by itself.

    ends a wait                    why
    the write succeeds             for Pods of which one is as good as another: any of them
    nothing is left to be written  someone else did it, or it is not wanted any more
    its owner is edited            what was refused may be accepted now

Conflicts do not count: the next pass sees the truth. A refused object holds up no other. A change that someone takes
back again and again counts as an error from the third time on. Times are of the monotonic clock; only the
finding has the time of day.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.base import wire_time
from models.kinds import Key
from models.snapshot import Observed, Owner, Snapshot
from reconciler.passes.values import Action, Change, Finding, Response, Result, Subject, Verb
from reconciler.rules.parts import tree_of
from reconciler.rules.reasons import Reason

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)
FIRST_UNDONE_WAIT = timedelta(minutes=1)
LONGEST_UNDONE_WAIT = timedelta(hours=1)
"""Between attempts to make Pods that a webhook changes so that they look outdated: 1, 8 and then 60 minutes."""
FORGOTTEN_AFTER = 2 * LONGEST_WAIT
"""How long after a write its repetition counts as the same trouble."""
MOST_REPEATED = 2
"""How often the same change is made without suspicion."""

_COUNTING = (Result.REFUSED, Result.UNAVAILABLE, Result.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Wait:
    """One object's wait.

    Args:
        errors: How many passes in a row ended in an error.
        until_seconds: When it is tried again, on the monotonic clock.
        generation: The owner's generation at the last error; another one ends the wait.
        uid: The owner's uid: one that was created anew under the same name waits for nothing.
        finding: What the owner is told meanwhile.
        tree: The owner's tree.
        remembered_seconds: Until when it counts as the same trouble whatever was written meanwhile: what ends Pods may
            take effect long after.
        dropped: The fields of a record that came to nothing.
    """

    errors: int
    until_seconds: float
    generation: int
    uid: str
    finding: Finding
    tree: Key
    remembered_seconds: float = 0.0
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Repeat:
    """A change that was made before.

    Args:
        change: What was changed, and of which object of the name.
        count: How often in a row.
        at_seconds: When it was last made.
    """

    change: str
    count: int
    at_seconds: float


@dataclass(frozen=True, slots=True)
class Backoff:
    """What is remembered of earlier errors.

    Args:
        waits: The waits, over or not, by what waits.
        repeats: The last change of each object.
    """

    waits: Mapping[Subject, Wait] = field(default_factory=dict)
    repeats: Mapping[Key, Repeat] = field(default_factory=dict)

    def waiting(self, snapshot: Snapshot, at_seconds: float) -> Mapping[Subject, Wait]:
        """The waits that are not over.

        Args:
            snapshot: The observed world.
            at_seconds: The time on the monotonic clock.
        """
        return {
            subject: wait
            for subject, wait in self.waits.items()
            if at_seconds < wait.until_seconds and _is_of(wait, snapshot.objects.get(subject.owner))
        }

    def undone(self, snapshot: Snapshot) -> Mapping[Subject, Wait]:
        """The waits, over or not, for what something else takes back."""
        return {
            subject: wait
            for subject, wait in self.waits.items()
            if wait.finding.reason is Reason.UNDONE and _is_of(wait, snapshot.objects.get(subject.owner))
        }


@dataclass(frozen=True, slots=True)
class Turn:
    """What a pass learned of the trees that it planned.

    Args:
        snapshot: The world as it was left.
        owners: The resources that were planned; what is remembered of others stays.
        planned: What was planned for them, done or postponed.
        responses: What came of it.
        undone: What someone else takes back as soon as it is written, and what the owner is told of it.
        dropped: Of records among that, what they were to change.
    """

    snapshot: Snapshot
    owners: Collection[Key]
    planned: Iterable[Action]
    responses: Sequence[Response]
    undone: Mapping[Subject, str] = field(default_factory=dict)
    dropped: Mapping[Subject, tuple[Change, ...]] = field(default_factory=dict)


def next_backoff(before: Backoff, turn: Turn, now: datetime, at_seconds: float) -> Backoff:
    """What to remember after a pass.

    Args:
        before: What was remembered before it.
        turn: The pass.
        now: The time of day when it ended.
        at_seconds: The same, on the monotonic clock.
    """
    planned = {action.subject for action in turn.planned}
    done = {response.action.subject for response in turn.responses if response.result is Result.DONE}
    kept = {
        subject: wait
        for subject, wait in before.waits.items()
        if _is_remembered(subject, wait, turn.snapshot, at_seconds)
        and (
            at_seconds < wait.remembered_seconds
            or (subject not in done and (subject.owner not in turn.owners or subject in planned))
        )
    }
    repeats = _next_repeats(before.repeats, turn.responses, at_seconds)
    for subject, failure in {**_failures(turn), **_repetitions(turn.responses, repeats)}.items():
        owner = turn.snapshot.objects.get(subject.owner)
        if isinstance(owner, Owner):
            errors = failure.errors or (kept[subject].errors + 1 if subject in kept else 1)
            pause = _pause(failure, errors)
            message = f"{failure.message}; tried again at {wire_time(now + pause)}"
            kept[subject] = Wait(
                errors,
                at_seconds + pause.total_seconds(),
                owner.metadata.generation,
                owner.metadata.uid,
                Finding(subject.owner, failure.reason, message),
                tree_of(owner, turn.snapshot),
                at_seconds + 3 * pause.total_seconds() if failure.reason is Reason.UNDONE else 0.0,
                frozenset(change.path for change in turn.dropped.get(subject, ())),
            )
    return Backoff(kept, repeats)


def retry_after(responses: Iterable[Response]) -> float:
    """For how many seconds the server asks to be left alone altogether; 0 if it does not."""
    return max((response.retry_after_seconds or 0.0 for response in responses), default=0.0)


def merged_repeats(some: Mapping[Key, Repeat], others: Mapping[Key, Repeat]) -> Mapping[Key, Repeat]:
    """The later of each, without those so much older than the last that they do not count any more."""
    later = {
        **some,
        **{key: one for key, one in others.items() if key not in some or some[key].at_seconds <= one.at_seconds},
    }
    oldest = max((one.at_seconds for one in later.values()), default=0.0) - FORGOTTEN_AFTER.total_seconds()
    return {key: one for key, one in later.items() if one.at_seconds > oldest}


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why something has to wait.

    Args:
        reason: The reason of the finding.
        message: What its owner is told.
        asked_seconds: How long the server asks to be left alone.
        errors: How many in a row it is; 0 for one more than before.
        ends_pods: Whether trying again ends Pods.
    """

    reason: Reason
    message: str
    asked_seconds: float = 0.0
    errors: int = 0
    ends_pods: bool = False


def _failures(turn: Turn) -> Mapping[Subject, _Failure]:
    """What failed, once each."""
    found = {
        subject: _Failure(Reason.UNDONE, message, ends_pods=subject.verb in (Verb.RECORD, Verb.DELETE))
        for subject, message in turn.undone.items()
    }
    for response in turn.responses:
        if response.result in _COUNTING:
            action = response.action
            message = f"could not {action.verb} {action.key}: {response.error}"
            found[action.subject] = _Failure(Reason.BACK_OFF, message, response.retry_after_seconds or 0.0)
    return found


def _next_repeats(
    before: Mapping[Key, Repeat], responses: Iterable[Response], at_seconds: float
) -> Mapping[Key, Repeat]:
    """The last change of each object, and how often it was made."""
    oldest = at_seconds - FORGOTTEN_AFTER.total_seconds()
    repeats = {key: repeat for key, repeat in before.items() if repeat.at_seconds > oldest}
    for response in responses:
        action = response.action
        if action.verb is Verb.UPDATE and response.result is Result.DONE:
            change = repr((action.uid, action.changes))
            known = repeats.get(action.key)
            count = known.count + 1 if known is not None and known.change == change else 1
            repeats[action.key] = Repeat(change, count, at_seconds)
    return repeats


def _repetitions(responses: Iterable[Response], repeats: Mapping[Key, Repeat]) -> Mapping[Subject, _Failure]:
    """The changes of this pass that were made too often."""
    found = {}
    for response in responses:
        action = response.action
        repeat = repeats.get(action.key)
        if action.verb is Verb.UPDATE and response.result is Result.DONE and repeat and repeat.count > MOST_REPEATED:
            fields = ", ".join(change.path for change in action.changes)
            message = f"{fields} of {action.key} was set {repeat.count} times; something else sets it back each time"
            found[action.subject] = _Failure(Reason.UNDONE, message, errors=repeat.count - MOST_REPEATED)
    return found


def _pause(failure: _Failure, errors: int) -> timedelta:
    """How long the wait is that an error begins or prolongs."""
    if failure.ends_pods:
        return min(FIRST_UNDONE_WAIT * (1 << 3 * min(errors - 1, 5)), LONGEST_UNDONE_WAIT)
    delay = min(FIRST_WAIT * (1 << min(errors - 1, 10)), LONGEST_WAIT)
    return max(delay, timedelta(seconds=failure.asked_seconds))


def _is_remembered(subject: Subject, wait: Wait, snapshot: Snapshot, at_seconds: float) -> bool:
    """Whether the wait still says something: of the resource as it is, or of one that was not seen this time."""
    owner = snapshot.objects.get(subject.owner)
    if owner is None:
        return at_seconds < wait.until_seconds
    return _is_of(wait, owner)


def _is_of(wait: Wait, owner: Observed | None) -> bool:
    """Whether the wait is that of the resource as it is now."""
    return owner is not None and (owner.metadata.uid, owner.metadata.generation) == (wait.uid, wait.generation)
