"""How long to leave a resource alone after an error: 1 s, 2 s, 4 s, … 5 minutes, each resource by itself.

An edit of the resource, a write that succeeds, or a turn at which there is nothing left to do ends the wait. Conflicts
do not count: the next pass sees the truth.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.actions import Finding, Response, Result, Topic
from models.base import wire_time
from models.kinds import Key
from models.snapshot import Snapshot

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)

_COUNTING = (Result.REFUSED, Result.UNAVAILABLE, Result.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Wait:
    """One resource's wait.

    Args:
        errors: How many passes in a row ended in an error.
        until: When it is tried again.
        generation: The resource's generation at the last error; another one ends the wait.
        message: The last error, as its owner is told.
        uid: The resource's uid: one that was created anew under the same name waits for nothing.
    """

    errors: int
    until: datetime
    generation: int
    message: str
    uid: str


def next_waits(
    waits: Mapping[Key, Wait], responses: Iterable[Response], snapshot: Snapshot, now: datetime
) -> Mapping[Key, Wait]:
    """The waits after a pass.

    Resources that are not in the picture keep theirs until they are over: their list may have failed.

    Args:
        waits: The waits before it.
        responses: What came of its actions.
        snapshot: The world as it was left.
        now: When the pass ended.
    """
    tried = list(responses)
    failed = {response.action.owner: response for response in tried if response.result in _COUNTING}
    succeeded = {response.action.owner for response in tried if response.result is Result.DONE} - set(failed)
    had_something_to_do = {response.action.owner for response in tried}
    kept = {
        owner: wait
        for owner, wait in waits.items()
        if owner not in succeeded
        and (owner in had_something_to_do or snapshot.taken_at < wait.until)
        and (owner not in snapshot.objects or _is_of(wait, owner, snapshot))
    }
    for owner, response in failed.items():
        errors = kept[owner].errors + 1 if owner in kept else 1
        delay = min(FIRST_WAIT * (1 << min(errors - 1, 10)), LONGEST_WAIT)
        asked = timedelta(seconds=min(response.retry_after_seconds or 0, LONGEST_WAIT.total_seconds()))
        observed = snapshot.objects.get(owner)
        if observed is not None:
            meta = observed.metadata
            kept[owner] = Wait(errors, now + max(delay, asked), meta.generation, _told(response), meta.uid)
    return kept


def waiting(waits: Mapping[Key, Wait], snapshot: Snapshot, now: datetime) -> Mapping[Key, tuple[Finding, ...]]:
    """The resources to leave alone now, and what their owners are told meanwhile."""
    return {
        owner: (Finding(owner, Topic.BACK_OFF, f"{wait.message}; tried again at {wire_time(wait.until)}"),)
        for owner, wait in waits.items()
        if now < wait.until and _is_of(wait, owner, snapshot)
    }


def _is_of(wait: Wait, owner: Key, snapshot: Snapshot) -> bool:
    """Whether the wait is that of the resource as it is now."""
    observed = snapshot.objects.get(owner)
    return observed is not None and (observed.metadata.uid, observed.metadata.generation) == (wait.uid, wait.generation)


def _told(response: Response) -> str:
    action = response.action
    return f"{action.owner}: could not {action.verb} {action.key}: {response.error}"
