"""How long to leave a resource alone after an error: 1 s, 2 s, 4 s, … 5 minutes, each resource by itself.

An edit of the resource, or a write that succeeds, ends the wait. Conflicts do not count: the next pass sees the truth.
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
    """

    errors: int
    until: datetime
    generation: int
    message: str


def next_waits(
    waits: Mapping[Key, Wait], responses: Iterable[Response], snapshot: Snapshot, now: datetime
) -> Mapping[Key, Wait]:
    """The waits after a pass.

    Args:
        waits: The waits before it.
        responses: What came of its actions.
        snapshot: The world as it was left.
        now: When the pass ended.
    """
    tried = list(responses)
    failed = {response.action.owner: response for response in tried if response.result in _COUNTING}
    succeeded = {response.action.owner for response in tried if response.result is Result.DONE} - set(failed)
    kept = {
        owner: wait
        for owner, wait in waits.items()
        if owner not in succeeded and _generation(owner, snapshot) == wait.generation
    }
    for owner, response in failed.items():
        errors = kept[owner].errors + 1 if owner in kept else 1
        delay = min(FIRST_WAIT * (1 << min(errors - 1, 10)), LONGEST_WAIT)
        asked = timedelta(seconds=response.retry_after_seconds or 0)
        generation = _generation(owner, snapshot)
        if generation is not None:
            kept[owner] = Wait(errors, now + max(delay, asked), generation, _told(response))
    return kept


def waiting(waits: Mapping[Key, Wait], snapshot: Snapshot, now: datetime) -> Mapping[Key, tuple[Finding, ...]]:
    """The resources to leave alone now, and what their owners are told meanwhile."""
    return {
        owner: (Finding(owner, Topic.BACK_OFF, f"{wait.message}; tried again at {wire_time(wait.until)}"),)
        for owner, wait in waits.items()
        if now < wait.until and _generation(owner, snapshot) == wait.generation
    }


def _generation(key: Key, snapshot: Snapshot) -> int | None:
    observed = snapshot.objects.get(key)
    return None if observed is None else observed.metadata.generation


def _told(response: Response) -> str:
    action = response.action
    return f"{action.owner}: could not {action.verb} {action.key}: {response.error}"
