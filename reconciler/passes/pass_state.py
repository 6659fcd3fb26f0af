"""What a pass knows by now, and what it has done."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from models.kinds import EVENT, Key
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Owner, Snapshot, WorkingSnapshot
from reconciler.passes.lanes import ends_tree, is_occupied
from reconciler.passes.undone import Written
from reconciler.passes.values import Action, Finding, Plan, Response, Result, Subject, Verb

_PARENTS_FIRST: tuple[type[Owner], ...] = (DaskJob, DaskCluster, DaskWorkerGroup, DaskAutoscaler)


@dataclass
class PassState:
    """What a pass knows by now, and what it has done.

    Attributes:
        snapshot: The world, with what the answers say folded in.
        members: The custom resources of each tree that the pass works on.
        findings: What conditions must say, by resource.
        postponed: What must wait, by resource.
        planned: The resources that were planned.
        actions: What was to be written, by tree.
        responses: What came of it, by tree, without reports.
        reports: What came of the writes of statuses and Events.
        written: What was written, to see what someone else takes back.
        deletions: What is being or was deleted, or decided to be; what failed is not.
        stopped: The trees of which nothing more is written.
        refused: What was refused.
    """

    snapshot: WorkingSnapshot
    members: dict[Key, dict[Key, None]] = field(default_factory=dict)
    findings: dict[Key, tuple[Finding, ...]] = field(default_factory=dict)
    postponed: dict[Key, tuple[Action, ...]] = field(default_factory=dict)
    planned: set[Key] = field(default_factory=set)
    actions: dict[Key, list[Action]] = field(default_factory=dict)
    responses: dict[Key, list[Response]] = field(default_factory=dict)
    reports: list[Response] = field(default_factory=list)
    written: Written = field(default_factory=Written)
    deletions: dict[int, Action] = field(default_factory=dict)
    stopped: set[Key] = field(default_factory=set)
    refused: set[Subject] = field(default_factory=set)

    def owners_of(self, tree: Key) -> list[Owner]:
        """The custom resources of a tree, parents first."""
        found = (self.snapshot.objects.get(key) for key in self.members.get(tree, ()))
        return sorted((one for one in found if isinstance(one, Owner)), key=lambda one: _PARENTS_FIRST.index(type(one)))

    def note_plan(self, planned: Iterable[Key], allowed: Plan) -> None:
        """Keep what was found and postponed of resources just planned, in place of what was known of them."""
        for key in planned:
            self.planned.add(key)
            self.findings.pop(key, None)
            self.postponed.pop(key, None)
        for finding in dict.fromkeys(allowed.findings):
            self.findings[finding.about] = (*self.findings.get(finding.about, ()), finding)
        for action in allowed.postponed:
            self.postponed[action.owner] = (*self.postponed.get(action.owner, ()), action)

    def note_sent(self, actions: Iterable[Action]) -> None:
        """Take in what is going to be written."""
        for action in actions:
            self.actions.setdefault(action.tree, []).append(action)
            if action.doomed or action.verb is Verb.DELETE:
                self.deletions[id(action)] = action

    def learn(self, responses: Sequence[Response]) -> None:
        """Take what was written, and what came of it, into the picture."""
        for response in responses:
            self.snapshot.learn(response.objects)
        writes = [response for response in responses if not is_report(response)]
        self.reports += [response for response in responses if is_report(response)]
        self.written.note(writes)
        self.stopped.update(response.action.tree for response in writes if ends_tree(response))
        self.refused.update(response.action.subject for response in writes if response.result is Result.REFUSED)
        for response in writes:
            tree = response.action.tree
            self.responses.setdefault(tree, []).append(response)
            # Not a stranger's in its place: nobody has listed its children, and its tree is its own.
            made = {} if is_occupied(response) else response.objects
            self.members.setdefault(tree, {}).update({key: None for key, one in made.items() if isinstance(one, Owner)})
            if response.result is not Result.DONE:
                self.deletions.pop(id(response.action), None)

    def settle(self, responses: Sequence[Response]) -> list[Action]:
        """Take in all that apply gave back: also the answers of trees that did not get to their end.

        Returns:
            The reports that there was no time for.
        """
        known = {id(one) for ones in (*self.responses.values(), self.reports) for one in ones}
        self.learn([one for one in responses if id(one) not in known and one.result is not Result.SKIPPED])
        failed = {response.action.owner for response in self.reports if response.result is not Result.DONE}
        self.responses = {}
        for response in responses:
            if not is_report(response):
                self.responses.setdefault(response.action.tree, []).append(response)
        skipped = (one.action for one in responses if is_report(one) and one.result is Result.SKIPPED)
        return [action for action in skipped if action.owner not in failed]

    def all_actions(self) -> tuple[Action, ...]:
        """What was to be written, tree by tree."""
        return tuple(action for actions in self.actions.values() for action in actions)

    def all_responses(self) -> tuple[Response, ...]:
        """What came of it, tree by tree."""
        return tuple(response for responses in self.responses.values() for response in responses)

    def all_postponed(self) -> tuple[Action, ...]:
        """What must wait."""
        return tuple(action for actions in self.postponed.values() for action in actions)

    def has_news(self, key: Key) -> bool:
        """Whether there is something to tell of a resource, or to do later."""
        return bool(self.findings.get(key) or self.postponed.get(key))


def owners_in(snapshot: Snapshot) -> Iterator[Owner]:
    """The custom resources, parents first."""
    yield from snapshot.of(DaskJob)
    yield from snapshot.of(DaskCluster)
    yield from snapshot.of(DaskWorkerGroup)
    yield from snapshot.of(DaskAutoscaler)


def is_report(response: Response) -> bool:
    """Whether a response is about telling, not about the world."""
    return response.action.verb is Verb.REPORT or response.action.key.kind is EVENT
