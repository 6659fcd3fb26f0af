"""What someone else takes back as soon as it is written: an admission webhook, another controller.

seen in one pass                                  what follows
an update whose object needs it again             it is postponed, its owner is told, and it backs off
a record that lets nobody go, and is to be made   it is postponed, and its owner is told: an API server whose
again                                             definitions are older than this version drops what it does not know
an object to be deleted that was created in it,   likewise; without a mark of ours a Pod looks as if it were made
which lost a mark of ours on the way              from another template. Of a tree that was cut short before that
                                                  was planned, the marks of what was created are compared
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from models.kinds import Key
from models.snapshot import Snapshot
from reconciler.passes.values import Action, Change, Plan, Response, Result, Subject, Verb
from reconciler.rules.labels import OURS, SCHEDULER_HASH, TEMPLATE_HASH


@dataclass(slots=True)
class Written:
    """What one pass has written.

    Attributes:
        created: What was sent for each object that was created, by uid.
        updated: The changes that were made, by object.
        dropped: Records that were made, and would be made again, by object.
        undone: What was taken back, and what the owner is told of it.
    """

    created: dict[str, Action] = field(default_factory=dict)
    updated: dict[Subject, str] = field(default_factory=dict)
    dropped: dict[Subject, tuple[Change, ...]] = field(default_factory=dict)
    undone: dict[Subject, str] = field(default_factory=dict)

    def note(self, responses: Iterable[Response]) -> None:
        """Remember what was written."""
        for response in responses:
            if response.result is not Result.DONE:
                continue
            if response.action.verb is Verb.CREATE:
                for observed in response.objects.values():
                    if observed is not None:
                        self.created[observed.metadata.uid] = response.action
            elif response.action.verb in (Verb.UPDATE, Verb.RECORD):
                self.updated[response.action.subject] = repr(response.action.changes)

    def compare(self, plan: Plan, snapshot: Snapshot) -> None:
        """Note what of this plan takes back, or repeats, what was written."""
        for action in plan.actions:
            if self.updated.get(action.subject) == repr(action.changes) and not action.doomed:
                fields = ", ".join(change.path for change in action.changes)
                self.undone[action.subject] = f"{fields} of {action.key} is set back by something else at once"
                if action.verb is Verb.RECORD:
                    self.dropped[action.subject] = action.changes
            for uid in (*action.doomed, *_deleted(action)):
                if lost := self._lost(uid, snapshot):
                    self.undone[action.subject] = lost

    def unlooked(self, through: Container[Key], snapshot: Snapshot) -> Mapping[Subject, str]:
        """What is known to be taken back of trees that were cut short: which of their Pods will look outdated.

        The next pass would replace them, and so on, if each is cut short.
        """
        found = {}
        for uid, sent in self.created.items():
            marks = (TEMPLATE_HASH, SCHEDULER_HASH)
            if sent.tree not in through and (lost := self._lost(uid, snapshot, marks)):
                found[Subject(sent.owner, Verb.RECORD, sent.owner)] = lost  # who goes is written down first,
                found[Subject(sent.owner, Verb.DELETE, sent.key)] = lost  # but for a job's runner
        return found

    def _lost(self, uid: str, snapshot: Snapshot, begins: str | tuple[str, ...] = OURS) -> str:
        """Which mark of ours an object that was created lost on the way, in words; empty if none."""
        sent = self.created.get(uid)
        one = snapshot.objects.get(sent.key) if sent is not None else None
        if sent is None or one is None or one.metadata.uid != uid:
            return ""
        marks = {name: value for name, value in sent.body["metadata"]["annotations"].items() if name.startswith(begins)}
        lost = sorted(name for name, value in marks.items() if one.metadata.annotations.get(name) != value)
        if not lost:
            return ""
        return f"{sent.key} was created with the annotation {lost[0]}, and something, such as a webhook, took it away"


def _deleted(action: Action) -> tuple[str, ...]:
    return (action.uid,) if action.verb is Verb.DELETE else ()
