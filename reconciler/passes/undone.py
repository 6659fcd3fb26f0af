"""What someone else takes back as soon as it is written: an admission webhook, another controller.

seen in one pass                                  what follows
an update whose object needs it again             it is postponed, its owner is told, and it backs off
an object to be deleted that was created in it,   likewise; without a mark of ours a Pod looks as if it were made
which lost a mark of ours on the way              from another template
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.snapshot import Snapshot
from reconciler.passes.values import Action, Plan, Response, Result, Subject, Verb
from reconciler.rules.labels import OURS


@dataclass(slots=True)
class Written:
    """What one pass has written.

    Attributes:
        created: What was sent for each object that was created, by uid.
        updated: The changes that were made, by object.
        undone: What was taken back, and what the owner is told of it.
    """

    created: dict[str, Action] = field(default_factory=dict)
    updated: dict[Subject, str] = field(default_factory=dict)
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
            elif response.action.verb is Verb.UPDATE:
                self.updated[response.action.subject] = repr(response.action.changes)

    def compare(self, plan: Plan, snapshot: Snapshot) -> None:
        """Note what of this plan takes back, or repeats, what was written."""
        for action in plan.actions:
            if self.updated.get(action.subject) == repr(action.changes) and action.verb is Verb.UPDATE:
                fields = ", ".join(change.path for change in action.changes)
                self.undone[action.subject] = f"{fields} of {action.key} is set back by something else at once"
        ends = [(action, uid) for action in plan.actions for uid in (*action.doomed, *_deleted(action))]
        of_interest = {uid for _, uid in ends}.intersection(self.created)
        if not of_interest:
            return
        metas = {one.metadata.uid: one.metadata for one in snapshot.objects.values() if one.metadata.uid in of_interest}
        for action, uid in ends:
            lost = _lost(self.created[uid], metas[uid].annotations) if uid in metas else ""
            if lost:
                self.undone[action.subject] = lost


def _deleted(action: Action) -> tuple[str, ...]:
    return (action.uid,) if action.verb is Verb.DELETE else ()


def _lost(sent: Action, annotations: Mapping[str, str]) -> str:
    """Which mark of ours an object lost on the way, in words; empty if none."""
    marks = {name: value for name, value in sent.body["metadata"]["annotations"].items() if name.startswith(OURS)}
    lost = sorted(name for name, value in marks.items() if annotations.get(name) != value)
    if not lost:
        return ""
    return f"{sent.key} was created with the annotation {lost[0]}, and something, such as a webhook, took it away"
