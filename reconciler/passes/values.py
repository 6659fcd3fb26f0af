"""The values that the stages of a pass exchange: what should exist, what to do about it, and how each write ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from models.kinds import Key, Kind
from models.snapshot import Observed, Owner, Snapshot
from reconciler.passes.cost import Cost
from reconciler.passes.coverage import EVERYTHING, Coverage
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that should exist.

    Args:
        key: Its kind, namespace and name.
        body: The object as it would be created, with its owner reference.
        present: The observed object that fills its place, whatever its name; `None` if there is none.
        reason: Why it should exist, as the end of the sentence "create it, because …".
        after_record: Whether it is created only if the owner's record of the same plan was written.
    """

    key: Key
    body: Body
    present: Observed | None
    reason: str
    after_record: bool = False


@dataclass(frozen=True, slots=True)
class Unwanted:
    """An observed object that should go.

    Args:
        present: The object.
        reason: Why it should go, as the end of the sentence "delete it, because …".
        only_as_seen: Whether any change to it since it was observed saves it.
        event: The reason of the Event that says why; `None` if there is none.
    """

    present: Observed
    reason: str
    only_as_seen: bool = False
    event: EventReason | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A decision written down on a custom resource before anything is done about it.

    It is guarded by the resource's version, so that two reconcilers cannot decide differently.

    Args:
        resource: The resource as observed.
        body: The merge patch, without the guard; a `status` in it goes to the status subresource.
        reason: What is recorded and why.
        doomed: The uids of the Pods that `status.decisions.retiring` in the body holds for the first time.
    """

    resource: Owner
    body: Body
    reason: str
    doomed: tuple[str, ...] = ()


class Terms(Protocol):
    """The settings that stages read."""

    @property
    def naming(self) -> Naming:
        """The naming set for resources that have none recorded yet."""

    @property
    def no_delete(self) -> bool:
        """Whether nothing may be deleted."""

    @property
    def deletion_cap(self) -> int:
        """The most deletions in one pass; 0 means any number."""

    @property
    def no_disruption_marks(self) -> bool:
        """Whether Pods say nothing to node autoscalers."""

    @property
    def parallel_writes(self) -> int:
        """How many writes may be under way at once."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a condition of a resource says.

    Args:
        about: The custom resource.
        reason: The condition's reason.
        message: The sentence: what was seen and what to do. It does not begin with the resource's name.
    """

    about: Key
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Desired:
    """What one custom resource asks for.

    Args:
        owner: The resource.
        wanted: Objects that should exist.
        unwanted: Objects that should go.
        records: Decisions to write down first.
        findings: What its conditions must say.
    """

    owner: Owner
    wanted: tuple[Wanted, ...] = ()
    unwanted: tuple[Unwanted, ...] = ()
    records: tuple[Record, ...] = ()
    findings: tuple[Finding, ...] = ()


class Verb(StrEnum):
    """What an action does."""

    CREATE = "create"
    UPDATE = "update"
    RECORD = "record"
    DELETE = "delete"
    REPORT = "report"


PAST = {Verb.CREATE: "created", Verb.UPDATE: "updated", Verb.RECORD: "recorded", Verb.DELETE: "deleted"}
"""What was done to the world, in words."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that an update changes.

    Args:
        path: The field, dotted, such as `spec.worker.replicas`.
        old: Its value before; `None` if it was not set.
        new: Its value after; `None` if it is removed.
    """

    path: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Action:
    """One write, with its reason.

    Args:
        verb: What it does. A `report` applies a resource's status; the other verbs change the world.
        key: What it does it to.
        owner: The custom resource on whose behalf.
        tree: The resource at the top of the owner's tree, a DaskJob or DaskCluster; budgets, backoffs and
            conflicts count by tree.
        reason: Why, in words.
        body: The object to create or the merge patch; empty for a delete.
        uid: The uid the object must have; empty for a create.
        changes: What an update changes in the object.
        to_status: Whether the body goes to the status subresource.
        resource_version: The version that an object must still have to be deleted; empty if any will do.
        doomed: The uids of the Pods whose deletion a record decides.
        after_record: Whether it is sent only if the owner's record of the same plan was written.
        event: The reason of the Event that says why; `None` if there is none.
    """

    verb: Verb
    key: Key
    owner: Key
    tree: Key
    reason: str
    body: Body = field(default_factory=dict)
    uid: str = ""
    changes: tuple[Change, ...] = ()
    to_status: bool = False
    resource_version: str = ""
    doomed: tuple[str, ...] = ()
    after_record: bool = False
    event: EventReason | None = None

    @property
    def scales(self) -> bool:
        """Whether it scales a worker group to 0."""
        return self.verb is Verb.RECORD and "spec" in self.body

    @property
    def deletions(self) -> int:
        """How many objects it deletes, or decides to."""
        return len(self.doomed) + (self.verb is Verb.DELETE or self.scales)

    @property
    def subject(self) -> "Subject":
        """What an error of this action says something about: its object, or, of interchangeable ones, their kind."""
        of = self.key.kind if self.after_record else self.key
        return Subject(self.owner, self.verb, of)


class Subject(NamedTuple):
    """What waits after an error, and nothing else.

    Args:
        owner: The custom resource on whose behalf it is written.
        verb: What is done to it.
        of: The object; for Pods of which one is as good as another, their kind.
    """

    owner: Key
    verb: Verb
    of: Key | Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in order, and why the rest is not done.

    Args:
        actions: The writes.
        findings: What conditions must say, such as why an action is postponed.
        postponed: The actions that a policy took out; a later pass plans them again.
    """

    actions: tuple[Action, ...] = ()
    findings: tuple[Finding, ...] = ()
    postponed: tuple[Action, ...] = ()


class Result(StrEnum):
    """How an action ended."""

    DONE = "done"
    CONFLICT = "conflict"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Response:
    """How an action ended, and what is known of its object since.

    Args:
        action: The action.
        result: How it ended. `skipped` means that it was not tried, since one before it failed or time was up.
        objects: What is now known of objects, by key: the object, or `None` for one that is gone.
        warnings: The server's warnings.
        error: The server's message, or what happened to the connection; empty if done.
        reason: The machine-readable reason of the error.
        retry_after_seconds: How long the server asks to be left alone, if it does.
        was_there: Whether a create found the object there already.
    """

    action: Action
    result: Result
    objects: Mapping[Key, Observed | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str = ""
    reason: str = ""
    retry_after_seconds: float | None = None
    was_there: bool = False


@dataclass(frozen=True, slots=True)
class PassResult:
    """All that one pass saw and did.

    Args:
        snapshot: The world as it was left; `None` if nothing could be observed.
        plan: Every action, tree by tree, with what was found and postponed at the end.
        responses: How the actions ended.
        reports: How the writes of statuses and Events ended.
        errors: Which lists failed and why, by what was listed; nothing was planned there.
        seconds: How long each stage took.
        rounds: How many times the tree was planned that was planned most often.
        is_cut: Whether the pass reached its deadline, or was stopped, before all was done.
        retry_after_seconds: How long the server asks to be left alone altogether; 0 if it does not.
        costs: What each list cost, and the stages each time.
        coverage: What the pass was about; of all else, what was known before still stands.
        trees: The tree of each custom resource in the snapshot.
        left_out: Trees that were left to another pass.
        held: New trees whose first status waits for the next look at them.
    """

    snapshot: Snapshot | None
    plan: Plan = Plan()
    responses: tuple[Response, ...] = ()
    reports: tuple[Response, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    rounds: int = 0
    is_cut: bool = False
    retry_after_seconds: float = 0.0
    costs: tuple[Cost, ...] = ()
    coverage: Coverage = EVERYTHING
    trees: Mapping[Key, Key] = field(default_factory=dict)
    left_out: frozenset[Key] = frozenset()
    held: frozenset[Key] = frozenset()

    def is_about(self, tree: Key) -> bool:
        """Whether the pass knows all of a tree; of other trees, what was known before still stands."""
        was_stopped_before = self.is_cut and not self.rounds
        now = self.trees.get(tree, tree)  # what was a tree of its own may have come to another
        return not was_stopped_before and self.coverage.covers(now) and now not in self.left_out

    @property
    def failures(self) -> tuple[Response, ...]:
        """The responses that are not done, without those that were only skipped."""
        tried = (*self.responses, *self.reports)
        return tuple(response for response in tried if response.result not in (Result.DONE, Result.SKIPPED))

    @property
    def bugs(self) -> tuple[Finding, ...]:
        """The findings about bugs of the reconciler."""
        return tuple(finding for finding in self.plan.findings if finding.reason is Reason.INTERNAL_ERROR)

    @property
    def ok(self) -> bool:
        """Whether the pass read everything and everything it did succeeded."""
        return not self.errors and not self.failures and not self.bugs
