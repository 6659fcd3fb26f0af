"""One pass, from values: what was observed and is remembered goes in, what was done and is to be remembered comes out.

    observation ──► desire ──► plan ──► policy ──► apply ──► report
                    pure       pure     pure       writes    statuses and Events, applied too
                      ▲                    │
                      └──── responses ◄────┘   rounds, while an answer brings something new

The folded world is planned again after each round, so that one pass takes a DaskJob all the way to its worker Pods
without listing again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from models.kinds import Key
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Owner, Snapshot
from reconciler.passes import policy
from reconciler.passes.apply import Writers, apply, ends_tree
from reconciler.passes.at_rest import Rest, at_rest, is_resting, trees_of
from reconciler.passes.bulkhead import Bulkhead
from reconciler.passes.cost import Cost, Stopwatch
from reconciler.passes.coverage import Claims
from reconciler.passes.desire import desire
from reconciler.passes.observe import Observation
from reconciler.passes.plan import plan
from reconciler.passes.remembered import Clock, Memory
from reconciler.passes.report import report
from reconciler.passes.undone import Written
from reconciler.passes.values import Action, Finding, PassResult, Plan, Response, Result, Subject, Terms
from reconciler.passes.write_backoff import Turn, next_backoff, retry_after
from reconciler.rules.parts import tree_of
from reconciler.wire.protocol import API

MOST_ROUNDS = 100
"""A guard against a plan that is never at rest, where the deadline does not end it first."""


def make_pass(  # noqa: PLR0913, PLR0917  # all that a pass depends on
    api: API,
    observation: Observation,
    terms: Terms,
    memory: Memory,
    clock: Clock,
    writers: Writers,
    reporters: Writers,
    claims: Claims | None = None,
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

    Returns:
        All that the pass saw and did, and what to remember.
    """
    hand = _Pass(api, terms, observation, memory, clock, writers, claims or Claims())
    hand.reconcile()
    if hand.rounds:
        hand.report(reporters)
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
    snapshot: Snapshot = field(init=False)
    bulkhead: Bulkhead = field(init=False)
    findings: dict[Key, tuple[Finding, ...]] = field(default_factory=dict)
    postponed: dict[Key, tuple[Action, ...]] = field(default_factory=dict)
    planned: set[Key] = field(default_factory=set)
    actions: list[Action] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    reports: tuple[Response, ...] = ()
    written: Written = field(default_factory=Written)
    resting: dict[Key, Rest] = field(default_factory=dict)
    busy: set[Key] = field(default_factory=set)
    stopped: set[Key] = field(default_factory=set)
    refused: set[Subject] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    rounds: int = 0
    is_cut: bool = False

    def __post_init__(self) -> None:
        self.snapshot = self.observation.snapshot
        self.bulkhead = Bulkhead(self.findings, self.before.bugs)

    def reconcile(self) -> None:
        """Plan and apply, round by round, until nothing is left that needs no waiting, or time is up."""
        active = self._awake()
        while self.rounds < MOST_ROUNDS:
            if not self.writers.may_begin():
                self.is_cut = True
                return
            self.rounds += 1
            allowed = self._plan(active)
            if self.rounds == 1:
                self.claims.keep_full({action.tree for action in allowed.actions})
            if not allowed.actions:
                return
            with self._stage("apply"):
                responses = apply(self.api, self._in_turn(allowed.actions), self.writers)
            self._learn(allowed.actions, responses)
            touched = {response.action.tree for response in responses}
            self.busy |= touched
            owners = (owner for owner in _owners(self.snapshot) if owner.key not in self.bulkhead.bugs)
            active = [owner for owner in owners if tree_of(owner, self.snapshot) in touched]
        self.is_cut = True

    def _in_turn(self, actions: Sequence[Action]) -> list[Action]:
        """The actions, those first whose trees had no turn in a pass that was cut off, and of those the newest trees.

        So whoever creates a cluster while a thousand others come up waits for none of them, and none waits for ever.
        """
        created = {action.tree: self._created_seconds(action.tree) for action in actions}
        return sorted(actions, key=lambda action: (action.tree in self.before.served, -created[action.tree]))

    def _created_seconds(self, tree: Key) -> float:
        root = self.snapshot.objects.get(tree)
        at = root.metadata.creation_timestamp if root is not None else None
        return at.timestamp() if at is not None else 0.0

    def _awake(self) -> list[Owner]:
        """The resources to plan: those of trees of which something has changed, or that are not at rest."""
        now = self.clock.seconds()
        trees = trees_of(_owners(self.snapshot), self.snapshot)
        known = self.before.rest
        self.resting = {key: known[key] for key, tree in trees.items() if is_resting(tree, known.get(key), now)}
        mine = self.claims.claim_full(trees.keys() - self.resting.keys())
        return [owner for key, tree in trees.items() if key in mine for owner in tree.owners]

    def report(self, reporters: Writers) -> None:
        """Write what was seen and found into statuses and Events, where it is news."""
        with self._stage("report"):
            before, now, isolate = self.observation.snapshot, self.clock.now(), self.bulkhead.isolate
            looked_at = self.planned.union(self.bulkhead.bugs)
            owners = (owner for owner in _owners(self.snapshot) if owner.key in looked_at)
            trees = self.claims.still_full(tree_of(owner, self.snapshot) for owner in owners)
            actions = report(self.snapshot, before, self.findings, self.responses, now, isolate, trees)
            self.reports = apply(self.api, actions, reporters)
        self._fold(self.reports)

    def result(self) -> PassResult:
        """All that the pass saw and did."""
        findings = tuple(dict.fromkeys(one for findings in self.findings.values() for one in findings))
        tried = {(action.verb, action.key) for action in self.actions}
        waiting = (action for actions in self.postponed.values() for action in actions)
        postponed = tuple(action for action in waiting if (action.verb, action.key) not in tried)
        trees = {owner.key: tree_of(owner, self.snapshot) for owner in _owners(self.snapshot)}
        return PassResult(
            None if self.observation.coverage.is_empty else self.snapshot,
            Plan(tuple(self.actions), findings, postponed),
            tuple(self.responses),
            self.reports,
            self.observation.errors,
            self.seconds,
            self.rounds,
            self.is_cut,
            max(retry_after((*self.responses, *self.reports)), self.observation.retry_after_seconds or 0.0),
            (*self.observation.costs, *self.costs),
            self.observation.coverage,
            trees,
            frozenset(trees.values()) - self.claims.still_full(trees.values()),
        )

    def memory(self) -> Memory:
        """What to remember."""
        planned = (*self.actions, *(action for actions in self.postponed.values() for action in actions))
        turn = Turn(self.snapshot, self.planned, planned, self.responses, self.written.undone)
        backoff = next_backoff(self.before.backoff, turn, self.clock.now(), self.clock.seconds())
        rest = {**self.resting, **self._come_to_rest()}
        sent = (response for response in self.responses if response.result is not Result.SKIPPED)
        served = {response.action.tree for response in sent} if self.is_cut else ()
        return Memory(backoff, rest, tuple(self.bulkhead.bugs.values()), frozenset(served))

    def _come_to_rest(self) -> Mapping[Key, Rest]:
        """The trees of which nothing was done, postponed, found or written, and nothing is on the way."""
        found = {key for key, one in self.findings.items() if one} | {key for key, one in self.postponed.items() if one}
        reported = {response.action.owner for response in self.reports}
        owners = [owner for owner in _owners(self.snapshot) if owner.key in self.planned]
        busy = {tree_of(owner, self.snapshot) for owner in owners if owner.key in found | reported}
        return at_rest(trees_of(owners, self.snapshot), self.busy | busy, self.snapshot, self.clock.seconds())

    def _learn(self, actions: Iterable[Action], responses: Iterable[Response]) -> None:
        """Take what was tried, and what came of it, into the picture."""
        self.actions += actions
        self.responses += responses
        self.written.note(responses)
        self._fold(responses)
        self.stopped.update(response.action.tree for response in responses if ends_tree(response))
        self.refused.update(response.action.subject for response in responses if response.result is Result.REFUSED)

    def _fold(self, responses: Iterable[Response]) -> None:
        """Take what the responses say into the picture."""
        self.snapshot = self.snapshot.fold(
            {key: one for response in responses for key, one in response.objects.items()}
        )

    def _plan(self, active: Iterable[Owner]) -> Plan:
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
        backoff = self.before.backoff
        waits = backoff.waiting(self.snapshot, self.clock.seconds())
        allowed = policy.without_waiting(allowed, waits, backoff.undone(self.snapshot))
        if self.terms.no_delete:
            allowed = policy.without_deletes(allowed)
        done = [response.action for response in self.responses if response.result is Result.DONE]
        return policy.within_deletion_cap(allowed, self.terms.deletion_cap, done)

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
            cost = watch.stop()
            self.costs.append(cost)
            self.seconds[name] = self.seconds.get(name, 0.0) + cost.seconds


def _owners(snapshot: Snapshot) -> Iterator[Owner]:
    """The custom resources, parents first."""
    yield from snapshot.of(DaskJob)
    yield from snapshot.of(DaskCluster)
    yield from snapshot.of(DaskWorkerGroup)
    yield from snapshot.of(DaskAutoscaler)
