"""One pass, from values: what was observed and is remembered goes in, what was done and is to be remembered comes out.

    observation ──► desire ──► plan ──► policy ──► apply ──► report
                    pure       pure     pure       writes    statuses and Events, applied too
                      ▲                    │
                      └──── responses ◄────┘   tree by tree, until nothing is left to write for it

Each tree goes its own way: when all its writes are answered, it is planned again in the folded world, so that one pass
takes a DaskJob all the way to its worker Pods without listing again; when nothing is left to write, its statuses are
written. No tree waits for another, but for a free thread.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from models.kinds import EVENT, POD, Key
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Owner, Snapshot
from reconciler.passes import policy
from reconciler.passes.apply import Writers, apply
from reconciler.passes.at_rest import Rest, at_rest, is_resting, trees_of
from reconciler.passes.bulkhead import Bulkhead
from reconciler.passes.cost import Cost, Stopwatch
from reconciler.passes.coverage import Claims
from reconciler.passes.desire import desire
from reconciler.passes.lanes import ends_tree, namespaces_in_turn
from reconciler.passes.observe import Observation
from reconciler.passes.plan import plan
from reconciler.passes.remembered import Clock, Memory
from reconciler.passes.report import View, report, report_others, report_scaling
from reconciler.passes.undone import Written
from reconciler.passes.values import Action, Finding, PassResult, Plan, Response, Result, Subject, Terms, Verb
from reconciler.passes.write_backoff import Turn, next_backoff, retry_after
from reconciler.rules.parts import tree_of
from reconciler.wire.protocol import API

MOST_ROUNDS = 100
"""A guard against a plan that is never at rest, where the deadline does not end it first."""
_STAGES = ("desire", "plan", "policy", "apply", "report")
"""In their order, which is that of a profile; trees are in several of them at a time."""
_PARENTS_FIRST: tuple[type[Owner], ...] = (DaskJob, DaskCluster, DaskWorkerGroup, DaskAutoscaler)


def make_pass(  # noqa: PLR0913, PLR0917  # all that a pass depends on
    api: API,
    observation: Observation,
    terms: Terms,
    memory: Memory,
    clock: Clock,
    writers: Writers,
    reporters: Writers,
    claims: Claims | None = None,
    may_hold: Callable[[], bool] = lambda: False,
) -> tuple[PassResult, Memory]:
    """Make one pass.

    Args:
        api: The API to write to; its twin in memory for a dry run.
        observation: What was observed.
        terms: The settings.
        memory: What earlier passes remember.
        clock: The time.
        writers: The threads that write, until the pass has to end.
        reporters: The threads that write what was seen, also when the pass had to end.
        claims: What the pass may work on, if another works beside it.
        may_hold: Whether the first status of a new tree may wait for the next look at it.

    Returns:
        All that the pass saw and did, and what to remember.
    """
    hand = _Pass(api, terms, observation, memory, clock, writers, claims or Claims(), may_hold)
    if writers.may_begin():
        hand.reconcile()
        hand.report(reporters)
    else:
        hand.is_cut = True
    return hand.result(), hand.memory()


@dataclass
class _Pass:
    """One pass under way: what it knows by now, and what it has done."""

    api: API
    terms: Terms
    observation: Observation
    before: Memory
    clock: Clock
    writers: Writers
    claims: Claims
    may_hold: Callable[[], bool]
    snapshot: Snapshot = field(init=False)
    bulkhead: Bulkhead = field(init=False)
    members: dict[Key, dict[Key, None]] = field(default_factory=dict)
    findings: dict[Key, tuple[Finding, ...]] = field(default_factory=dict)
    postponed: dict[Key, tuple[Action, ...]] = field(default_factory=dict)
    planned: set[Key] = field(default_factory=set)
    actions: dict[Key, list[Action]] = field(default_factory=dict)
    responses: dict[Key, list[Response]] = field(default_factory=dict)
    reports: list[Response] = field(default_factory=list)
    written: Written = field(default_factory=Written)
    deletions: dict[int, Action] = field(default_factory=dict)
    resting: dict[Key, Rest] = field(default_factory=dict)
    through: set[Key] = field(default_factory=set)
    untold: list[Action] = field(default_factory=list)
    held: set[Key] = field(default_factory=set)
    stopped: set[Key] = field(default_factory=set)
    refused: set[Subject] = field(default_factory=set)
    rounds: Counter[Key] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=lambda: list(map(Cost, _STAGES)))
    is_cut: bool = False

    def __post_init__(self) -> None:
        self.snapshot = self.observation.snapshot
        self.bulkhead = Bulkhead(self.findings, self.before.bugs)
        self.waits = self.before.backoff.waiting(self.snapshot, self.clock.seconds())
        self.undone = self.before.backoff.undone(self.snapshot)

    def reconcile(self) -> None:
        """Take every tree as far as it goes without waiting, or until time is up."""
        actions = self._in_turn(self._go_on(self._awake()))
        self.claims.keep_full({action.tree for action in actions})
        spent, watch = _total(self.costs), Stopwatch("apply")
        responses = apply(self.api, actions, self.writers, self._answered)
        self._note_cost(watch.stop().without(_total(self.costs).without(spent)))
        known = {id(one) for ones in (*self.responses.values(), self.reports) for one in ones}
        self._learn([one for one in responses if id(one) not in known and one.result is not Result.SKIPPED])
        failed = {response.action.owner for response in self.reports if response.result is not Result.DONE}
        self.responses = {}
        for response in responses:
            if not _is_report(response):
                self.responses.setdefault(response.action.tree, []).append(response)
            elif response.result is Result.SKIPPED and response.action.owner not in failed:
                self.untold.append(response.action)
        has_more = any(tree not in self.through for tree in self.rounds)
        self.is_cut = self.is_cut or (has_more and not self.writers.may_begin())

    def _answered(self, responses: Sequence[Response]) -> Sequence[Action]:
        """What follows from the answers to all that was sent for some trees."""
        self._learn(responses)
        self.claims.give_back(response.action.tree for response in responses if _is_report(response))
        return self._go_on(list(dict.fromkeys(one.action.tree for one in responses if not _is_report(one))))

    def _go_on(self, trees: Collection[Key]) -> list[Action]:
        """What is to be written for trees of which nothing is under way, or else what is to be told of them."""
        if not self.writers.may_begin():
            return []
        self.rounds.update(trees)
        owners = [owner for tree in trees for owner in self._owners_of(tree)]
        allowed = self._plan([owner for owner in owners if owner.key not in self.bulkhead.bugs])
        actions = [action for action in allowed.actions if self.rounds[action.tree] <= MOST_ROUNDS]
        self.is_cut = self.is_cut or len(actions) < len(allowed.actions)
        for action in actions:
            self.actions.setdefault(action.tree, []).append(action)
            if action.doomed or action.verb is Verb.DELETE:
                self.deletions[id(action)] = action
        busy = {action.tree for action in actions}
        through = [tree for tree in trees if tree not in busy]
        self.through.update(through)
        told = self._tell(through)
        self.claims.give_back(set(through).difference(action.tree for action in told))
        return [*actions, *told]

    def _tell(self, trees: Iterable[Key]) -> list[Action]:
        """The statuses and Events of trees."""
        told: list[Action] = []
        with self._stage("report"):
            for tree in trees:
                responses = self.responses.get(tree, ())
                view = View(self.snapshot, self.observation.snapshot, self.findings, responses, self.clock.now())
                looked_at = [
                    owner
                    for owner in self._owners_of(tree)
                    if owner.key in self.planned or owner.key in self.bulkhead.bugs
                ]
                if self._can_wait(tree, looked_at) and self.may_hold():
                    self.held.add(tree)
                    actions = report_scaling(view, looked_at)
                else:
                    actions = report(view, looked_at, self.bulkhead.isolate)
                told += [replace(action, tree=tree) for action in actions]
        return told

    def _can_wait(self, tree: Key, owners: Iterable[Owner]) -> bool:
        """Whether a tree is new and begun without trouble: its first status can wait until its Pods have started."""
        root, responses = self.snapshot.objects.get(tree), self.responses.get(tree, ())
        is_new = isinstance(root, Owner) and not root.status.conditions
        is_begun = any(one.action.verb is Verb.CREATE and one.action.key.kind is POD for one in responses)
        is_plain = all(one.result is Result.DONE and not (one.warnings or one.was_there) for one in responses)
        has_news = any(self.findings.get(owner.key) or self.postponed.get(owner.key) for owner in owners)
        return is_new and is_begun and is_plain and not has_news

    def _owners_of(self, tree: Key) -> list[Owner]:
        """The custom resources of a tree, parents first."""
        found = (self.snapshot.objects.get(key) for key in self.members.get(tree, ()))
        return sorted((one for one in found if isinstance(one, Owner)), key=lambda one: _PARENTS_FIRST.index(type(one)))

    def _in_turn(self, actions: Sequence[Action]) -> list[Action]:
        """The actions, those first whose trees had no turn in a pass that was cut off: so none waits for ever.

        Of those the newest trees of each namespace come first: whoever creates a cluster while a thousand others come
        up waits for none of them.
        """
        newest_first = sorted({action.tree: None for action in actions}, key=self._created_seconds, reverse=True)
        ranks = {tree: rank for rank, tree in enumerate(namespaces_in_turn(newest_first))}
        return sorted(actions, key=lambda action: (action.tree in self.before.served, ranks[action.tree]))

    def _created_seconds(self, tree: Key) -> float:
        root = self.snapshot.objects.get(tree)
        at = root.metadata.creation_timestamp if root is not None else None
        return at.timestamp() if at is not None else 0.0

    def _awake(self) -> list[Key]:
        """The trees to plan: those of which something has changed, or that are not at rest."""
        now = self.clock.seconds()
        trees = trees_of(_owners(self.snapshot), self.snapshot)
        known = self.before.rest
        self.resting = {key: known[key] for key, tree in trees.items() if is_resting(tree, known.get(key), now)}
        mine = self.claims.claim_full(trees.keys() - self.resting.keys())
        self.members = {key: {owner.key: None for owner in tree.owners} for key, tree in trees.items() if key in mine}
        return list(self.members)

    def report(self, reporters: Writers) -> None:
        """Tell what is left to tell: of trees that were cut short, and of what is gone or cannot be read."""
        everything = self._all_responses()
        view = View(self.snapshot, self.observation.snapshot, self.findings, everything, self.clock.now())
        told = [
            *self.untold,
            *self._tell(tree for tree in self.rounds if tree not in self.through),
            *report_others(view, self.bulkhead.isolate),
        ]
        with self._stage("report"):
            self._learn(apply(self.api, told, reporters))

    def _all_responses(self) -> tuple[Response, ...]:
        return tuple(response for responses in self.responses.values() for response in responses)

    def result(self) -> PassResult:
        """All that the pass saw and did."""
        findings = tuple(dict.fromkeys(one for findings in self.findings.values() for one in findings))
        actions = tuple(action for actions in self.actions.values() for action in actions)
        tried = {(action.verb, action.key) for action in actions}
        waiting = (action for actions in self.postponed.values() for action in actions)
        postponed = tuple(action for action in waiting if (action.verb, action.key) not in tried)
        trees = {owner.key: tree_of(owner, self.snapshot) for owner in _owners(self.snapshot)}
        responses, reports = self._all_responses(), tuple(self.reports)
        return PassResult(
            None if self.observation.coverage.is_empty else self.snapshot,
            Plan(actions, findings, postponed),
            responses,
            reports,
            self.observation.errors,
            self.seconds,
            max(self.rounds.values(), default=0),
            self.is_cut,
            max(retry_after((*responses, *reports)), self.observation.retry_after_seconds or 0.0),
            (*self.observation.costs, *self.costs),
            self.observation.coverage,
            trees,
            frozenset(trees.values()) - self.claims.still_full(trees.values()),
            frozenset(self.held),
        )

    def memory(self) -> Memory:
        """What to remember."""
        everything = (*self.actions.values(), *self.postponed.values())
        responses = self._all_responses()
        planned = [action for actions in everything for action in actions]
        turn = Turn(self.snapshot, self.planned, planned, responses, self.written.undone)
        backoff = next_backoff(self.before.backoff, turn, self.clock.now(), self.clock.seconds())
        rest = {**self.resting, **self._come_to_rest()}
        sent = (response for response in responses if response.result is not Result.SKIPPED)
        served = {response.action.tree for response in sent} if self.is_cut else ()
        return Memory(backoff, rest, tuple(self.bulkhead.bugs.values()), frozenset(served))

    def _come_to_rest(self) -> Mapping[Key, Rest]:
        """The trees of which nothing was done, postponed, found or written, and nothing is on the way."""
        found = {key for key, one in self.findings.items() if one} | {key for key, one in self.postponed.items() if one}
        reported = {response.action.owner for response in self.reports}
        owners = [owner for owner in _owners(self.snapshot) if owner.key in self.planned]
        busy = {tree_of(owner, self.snapshot) for owner in owners if owner.key in found | reported}
        return at_rest(trees_of(owners, self.snapshot), busy.union(self.responses), self.snapshot, self.clock.seconds())

    def _learn(self, responses: Sequence[Response]) -> None:
        """Take what was tried, and what came of it, into the picture."""
        self.snapshot = self.snapshot.fold(
            {key: one for response in responses for key, one in response.objects.items()}
        )
        writes = [response for response in responses if not _is_report(response)]
        self.reports += [response for response in responses if _is_report(response)]
        self.written.note(writes)
        self.stopped.update(response.action.tree for response in writes if ends_tree(response))
        self.refused.update(response.action.subject for response in writes if response.result is Result.REFUSED)
        for response in writes:
            tree = response.action.tree
            self.responses.setdefault(tree, []).append(response)
            made = {key: None for key, one in response.objects.items() if isinstance(one, Owner)}
            self.members.setdefault(tree, {}).update(made)
            if response.result is not Result.DONE:
                self.deletions.pop(id(response.action), None)

    def _plan(self, active: Sequence[Owner]) -> Plan:
        """What may be done now for the resources in question."""
        naming = self.terms.naming
        with self._stage("desire"):
            desired = self.bulkhead.each((owner.key, partial(desire, owner, self.snapshot, naming)) for owner in active)
        with self._stage("plan"):
            plans = self.bulkhead.each((one.owner.key, partial(plan, one, self.snapshot)) for one in desired)
        with self._stage("policy"):
            whole = Plan(
                tuple(action for one in plans for action in one.actions),
                tuple(finding for one in plans for finding in one.findings),
            )
            allowed = self._allowed(whole)
        self._note([one.owner.key for one in desired if one.owner.key not in self.bulkhead.bugs], allowed)
        return allowed

    def _allowed(self, whole: Plan) -> Plan:
        """The plan without what must wait, and within the bounds of the settings."""
        self.written.compare(whole, self.snapshot)
        allowed = policy.without_stopped(whole, self.stopped, self.refused)
        allowed = policy.without_undone(allowed, self.written.undone, self.written.created)
        allowed = policy.without_waiting(allowed, self.waits, self.undone)
        if self.terms.no_delete:
            allowed = policy.without_deletes(allowed)
        return policy.within_deletion_cap(allowed, self.terms.deletion_cap, self.deletions.values())

    def _note(self, planned: Iterable[Key], allowed: Plan) -> None:
        """Keep what was found and postponed of the resources just planned, in place of what was known of them."""
        for key in planned:
            self.planned.add(key)
            self.findings.pop(key, None)
            self.postponed.pop(key, None)
        for finding in dict.fromkeys(allowed.findings):
            self.findings[finding.about] = (*self.findings.get(finding.about, ()), finding)
        for action in allowed.postponed:
            self.postponed[action.owner] = (*self.postponed.get(action.owner, ()), action)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        watch = Stopwatch(name)
        try:
            yield
        finally:
            self._note_cost(watch.stop())

    def _note_cost(self, cost: Cost) -> None:
        self.costs.append(cost)
        self.seconds[cost.stage] = self.seconds.get(cost.stage, 0.0) + cost.seconds


def _owners(snapshot: Snapshot) -> Iterator[Owner]:
    """The custom resources, parents first."""
    yield from snapshot.of(DaskJob)
    yield from snapshot.of(DaskCluster)
    yield from snapshot.of(DaskWorkerGroup)
    yield from snapshot.of(DaskAutoscaler)


def _is_report(response: Response) -> bool:
    """Whether a response is about telling, not about the world."""
    return response.action.verb is Verb.REPORT or response.action.key.kind is EVENT


def _total(costs: Iterable[Cost]) -> Cost:
    costs = tuple(costs)
    return Cost("", seconds=sum(one.seconds for one in costs), cpu_seconds=sum(one.cpu_seconds for one in costs))
