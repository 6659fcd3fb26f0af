"""What the reconciler wrote, pass by pass and in all, and the rules about how much and how late.

- No pass deletes what it made itself.
- No pass deletes more than the deletion cap allows.
- No pass begins a write after its deadline, counted from its last list, but for one batch and for reports.
- No pass makes more Pods for one owner than that owner could need.
- No pass tells the same of the same object in two Events.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from models.kinds import CUSTOM_KINDS, DASK_JOB, EVENT, POD, Key, Kind
from reconciler.rules.labels import ROLE, Role
from reconciler.wire.protocol import Body

LEAST_DEADLINE_SECONDS = 10.0
BATCH = 1
"""How many writes may be under way when the deadline comes: worlds write one at a time."""


@dataclass
class Ledger:
    """The account of the reconciler's writes.

    Args:
        seconds: Seconds that only run on.
        deletion_cap: How many deletions a pass may make; 0 for any number.
        deadline_seconds: How long a pass may go on.
        request_seconds: How long each request takes.

    Attributes:
        standstill_seconds: For how long the write under way has stood still.
        writes: How many writes there were, without Events.
        events: How many Events.
        made: How many Pods and child resources were made, by what they are to whom.
        ended: How many were deleted, likewise.
        told: How many Events there were, by the name of whom they are about and their reason.
    """

    seconds: Callable[[], float]
    deletion_cap: int = 0
    deadline_seconds: float = LEAST_DEADLINE_SECONDS
    request_seconds: float = 0.0
    standstill_seconds: float = 0.0
    writes: int = 0
    events: int = 0
    made: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    _begun: float = 0.0
    _listed: set[str | None] = field(default_factory=set)
    _made_now: dict[str, str] = field(default_factory=dict)  # in this pass: what, by uid
    _deleted_now: int = 0
    _pods_now: Counter[str] = field(default_factory=Counter)  # by owner's uid
    _told_now: set[tuple[str, str, str]] = field(default_factory=set)

    def lists(self, kind: Kind, namespace: str | None) -> bool:
        """A list is asked for; whether it is the first of a pass."""
        self._begun, self.standstill_seconds = self.seconds(), 0.0
        if kind != DASK_JOB or (self._listed and namespace not in self._listed):
            self._listed.add(namespace)
            return False
        self._listed = {namespace}
        self._made_now.clear()
        self._deleted_now = 0
        self._pods_now.clear()
        self._told_now.clear()
        return True

    def writes_to(self, what: str, *, is_report: bool) -> None:
        """A write is about to be carried out."""
        late = self.seconds() - self._begun - self.deadline_seconds - BATCH * self.request_seconds
        late, self.standstill_seconds = late - self.standstill_seconds, 0.0
        assert is_report or late <= 0, f"{what} is begun {late:.1f} s after the pass's deadline"

    def created(self, kind: Kind, body: Body, most: int | None) -> None:
        """An object was created; `most` is how many Pods of that sort its owner could need in one pass."""
        meta = body["metadata"]
        if kind == EVENT:
            self._tells(body)
            return
        self.writes += 1
        self.made[sort_of(kind, body)] += 1
        self._made_now[meta["uid"]] = f"{kind} {meta['name']}"
        if kind == POD and most is not None:
            owner = meta["ownerReferences"][0]["uid"]
            self._pods_now[f"{owner} {meta['annotations'].get(ROLE)}"] += 1
            count = self._pods_now[f"{owner} {meta['annotations'].get(ROLE)}"]
            assert count <= most, f"{meta['name']} is the {count}th Pod in one pass where {most} are the most"

    def changed(self) -> None:
        """An object was changed."""
        self.writes += 1

    def deleted(self, key: Key, body: Body) -> None:
        """An object was deleted."""
        self.writes += 1
        self.ended[sort_of(key.kind, body)] += 1
        uid = body["metadata"]["uid"]
        assert uid not in self._made_now, f"{key} is deleted in the pass that made it"
        self._deleted_now += 1
        is_within = not self.deletion_cap or self._deleted_now <= self.deletion_cap
        assert is_within, f"{key} is deletion {self._deleted_now} of a pass, and {self.deletion_cap} are the cap"

    def pods_made(self) -> int:
        """How many Pods were made in all."""
        return sum(count for what, count in self.made.items() if what.startswith("Pod "))

    def _tells(self, body: Body) -> None:
        self.events += 1
        about = body["involvedObject"]
        news = (about.get("uid", about["name"]), body["reason"], body["message"])
        assert news not in self._told_now, f"{about['kind']} {about['name']} is told {body['reason']} twice"
        self._told_now.add(news)
        self.told[about["name"], body["reason"]] += 1


def sort_of(kind: Kind, body: Body) -> str:
    """What an object is to whom, whatever its own name: `Pod worker of a-default`."""
    meta = body["metadata"]
    owners = [owner["name"] for owner in meta.get("ownerReferences", ())]
    if kind in CUSTOM_KINDS and not owners:
        return f"{kind} {meta['name']}"
    return f"{kind} {meta.get('annotations', {}).get(ROLE, Role.WORKER)} of {','.join(owners)}"
