"""How long to leave a resource alone after an error: 1 s, 2 s, 4 s, … 5 minutes, each resource by itself.

An edit of the resource, a write that succeeds, or a turn at which there is nothing left to do ends the wait. Conflicts
do not count: the next pass sees the truth. What the server refuses holds up creates and updates, not what was decided
already: a job's outcome is written and a worker deleted meanwhile. A server in trouble is left alone altogether.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.base import Meta, wire_time
from models.kinds import Key
from models.snapshot import Snapshot
from reconciler.passes.values import Action, Finding, Response, Result, Verb
from reconciler.rules.reasons import Reason

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)

_BUILDING = (Verb.CREATE, Verb.UPDATE)
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
        altogether: Whether every write waits; else only creates and updates.
    """

    errors: int
    until: datetime
    generation: int
    message: str
    uid: str
    altogether: bool = True

    def postpones(self, action: Action) -> bool:
        """Whether the resource's action has to wait."""
        return self.altogether or action.verb in _BUILDING

    def finding(self, owner: Key) -> Finding:
        """What the resource's owner is told meanwhile."""
        return Finding(owner, Reason.BACK_OFF, f"{self.message}; tried again at {wire_time(self.until)}")


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
    postponed: dict[Key, list[Response]] = {owner: [] for owner in waits}
    for response in tried:
        wait = waits.get(response.action.owner)
        if wait is not None and wait.postpones(response.action):
            postponed[response.action.owner].append(response)
    kept = {
        owner: wait
        for owner, wait in waits.items()
        if (owner in failed or not any(response.result is Result.DONE for response in postponed[owner]))
        and (postponed[owner] or snapshot.taken_at < wait.until)
        and (owner not in snapshot.objects or _is_of(wait, owner, snapshot))
    }
    for owner, response in failed.items():
        observed = snapshot.objects.get(owner)
        if observed is not None:
            kept[owner] = _after(response, observed.metadata, kept[owner].errors + 1 if owner in kept else 1, now)
    return kept


def _after(response: Response, meta: Meta, errors: int, now: datetime) -> Wait:
    """The wait that an error begins or prolongs."""
    delay = min(FIRST_WAIT * (1 << min(errors - 1, 10)), LONGEST_WAIT)
    asked = timedelta(seconds=min(response.retry_after_seconds or 0, LONGEST_WAIT.total_seconds()))
    altogether = response.result is not Result.REFUSED or response.action.verb not in _BUILDING
    return Wait(errors, now + max(delay, asked), meta.generation, _told(response), meta.uid, altogether)


def waiting(waits: Mapping[Key, Wait], snapshot: Snapshot, now: datetime) -> Mapping[Key, Wait]:
    """The waits that are not over."""
    return {owner: wait for owner, wait in waits.items() if now < wait.until and _is_of(wait, owner, snapshot)}


def _is_of(wait: Wait, owner: Key, snapshot: Snapshot) -> bool:
    """Whether the wait is that of the resource as it is now."""
    observed = snapshot.objects.get(owner)
    return observed is not None and (observed.metadata.uid, observed.metadata.generation) == (wait.uid, wait.generation)


def _told(response: Response) -> str:
    action = response.action
    return f"could not {action.verb} {action.key}: {response.error}"
