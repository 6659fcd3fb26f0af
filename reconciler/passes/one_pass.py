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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from models.kinds import POD, Key
from models.snapshot import Owner
from reconciler.passes import policy
from reconciler.passes.apply import Writers, apply
from reconciler.passes.at_rest import Rest, at_rest, is_resting, trees_of
from reconciler.passes.bulkhead import Bulkhead
from reconciler.passes.claims import Claims
from reconciler.passes.cost import Costs
from reconciler.passes.desire import desire
from reconciler.passes.observe import Observation
from reconciler.passes.pass_memory import Clock, Memory
from reconciler.passes.pass_state import PassState, is_report, owners_in
from reconciler.passes.plan import plan
from reconciler.passes.planning_order import PlanningOrder
from reconciler.passes.report import View, as_written, report, report_others, report_scaling, shortened
from reconciler.passes.values import Action, PassResult, Plan, Response, Result, Terms, Verb
from reconciler.passes.write_backoff import Turn, next_backoff, retry_after
from reconciler.rules.parts import tree_of
from reconciler.wire.protocol import API

MOST_ROUNDS = 100
"""A guard against a plan that is never at rest, where the deadline does not end it first."""
_STAGES = ("desire", "plan", "policy", "apply", "report")
"""In their order, which is that of a profile; trees are in several of them at a time."""


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
    """One pass under way."""

    api: API
    terms: Terms
    observation: Observation
    before: Memory
    clock: Clock
    writers: Writers
    claims: Claims
    may_hold: Callable[[], bool]
    known: PassState = field(init=False)
    bulkhead: Bulkhead = field(init=False)
    costs: Costs = field(default_factory=lambda: Costs(_STAGES))
    rounds: Counter[Key] = field(default_factory=Counter)
    resting: dict[Key, Rest] = field(default_factory=dict)
    through: set[Key] = field(default_factory=set)
    held: set[Key] = field(default_factory=set)
    order: PlanningOrder = field(init=False)
    untold: list[Action] = field(default_factory=list)
    is_cut: bool = False

    def __post_init__(self) -> None:
        self.known = PassState(self.observation.snapshot.fold({}))
        self.bulkhead = Bulkhead(self.known.findings, self.before.bugs)
        self.waits = self.before.backoff.waiting(self.known.snapshot, self.clock.seconds())
        self.undone = self.before.backoff.undone(self.known.snapshot)
        cap = self.terms.deletion_cap
        self.order = PlanningOrder(self._awake(), self.known.snapshot, self.before.served, cap, self._under_way)

    def reconcile(self) -> None:
        """Take every tree as far as it goes without waiting, or until time is up."""
        with self.costs.stage("apply"):
            responses = apply(self.api, (), self.writers, self._answered, self._further)
        self.untold = self.known.settle(responses)
        has_more = bool(self.order.left or self._under_way())
        self.is_cut = self.is_cut or (has_more and not self.writers.may_begin())

    def _awake(self) -> list[Key]:
        """The trees to plan: those of which something has changed, or that are not at rest."""
        now = self.clock.seconds()
        trees = trees_of(owners_in(self.known.snapshot), self.known.snapshot)
        rest = self.before.rest
        self.resting = {key: rest[key] for key, tree in trees.items() if is_resting(tree, rest.get(key), now)}
        for key, tree in trees.items():
            if key not in self.resting:
                self.known.members[key] = {owner.key: None for owner in tree.owners}
        return list(self.known.members)

    def _further(self) -> Sequence[Action]:
        """What is to be written for the next trees whose turn it is; nothing if all had theirs."""
        while self.writers.may_begin() and (trees := self.order.take()):
            if actions := self._go_on(self.claims.claim_full(trees)):
                return actions
        return ()

    def _under_way(self) -> set[Key]:
        """The trees that were planned and are not through."""
        return self.rounds.keys() - self.through

    def _answered(self, responses: Sequence[Response]) -> Sequence[Action]:
        """What follows from the answers to all that was sent for some trees."""
        self.known.learn(responses)
        self.claims.give_back(response.action.tree for response in responses if is_report(response))
        trees = list(dict.fromkeys(one.action.tree for one in responses if not is_report(one)))
        return self._go_on(trees) if self.writers.may_begin() else ()

    def _go_on(self, trees: Collection[Key]) -> list[Action]:
        """What is to be written for trees of which nothing is under way, or else what is to be told of them."""
        self.rounds.update(trees)
        owners = [owner for tree in trees for owner in self.known.owners_of(tree)]
        allowed = self._plan([owner for owner in owners if owner.key not in self.bulkhead.bugs])
        late = self.order.put_off(allowed.actions)
        trees = [tree for tree in trees if tree not in late]
        allowed = replace(allowed, actions=tuple(action for action in allowed.actions if action.tree not in late))
        actions = [action for action in allowed.actions if self.rounds[action.tree] <= MOST_ROUNDS]
        self.is_cut = self.is_cut or len(actions) < len(allowed.actions)
        self.known.note_sent(actions)
        through = set(trees).difference(action.tree for action in actions)
        self.through |= through
        told = self._tell(tree for tree in trees if tree in through)
        self.claims.give_back(through.difference(action.tree for action in told))
        return [*actions, *told]

    def _plan(self, active: Sequence[Owner]) -> Plan:
        """What may be done now for the resources in question."""
        snapshot, marks = self.known.snapshot, not self.terms.no_disruption_marks
        wish = partial(desire, snapshot=snapshot, naming=self.terms.naming, marks=marks)
        with self.costs.stage("desire"):
            desired = self.bulkhead.each((owner.key, partial(wish, owner)) for owner in active)
        with self.costs.stage("plan"):
            plans = self.bulkhead.each((one.owner.key, partial(plan, one, snapshot)) for one in desired)
        with self.costs.stage("policy"):
            whole = Plan(
                tuple(action for one in plans for action in one.actions),
                tuple(finding for one in plans for finding in one.findings),
            )
            allowed = self._allowed(whole)
        self.known.note_plan([one.owner.key for one in desired if one.owner.key not in self.bulkhead.bugs], allowed)
        return allowed

    def _allowed(self, whole: Plan) -> Plan:
        """The plan without what must wait, and within the bounds of the settings."""
        known = self.known
        known.written.compare(whole, known.snapshot)
        allowed = policy.without_stopped(whole, known.stopped, known.refused)
        allowed = policy.without_undone(allowed, known.written.undone, known.written.created, known.written.dropped)
        allowed = policy.without_outdated(policy.without_waiting(allowed, self.waits, self.undone))
        if self.terms.no_delete:
            allowed = policy.without_deletes(allowed)
        return policy.within_deletion_cap(allowed, self.terms.deletion_cap, known.deletions.values())

    def _tell(self, trees: Iterable[Key]) -> list[Action]:
        """The statuses and Events of trees."""
        told: list[Action] = []
        with self.costs.stage("report"):
            for tree in trees:
                view = self._view(self.known.responses.get(tree, ()))
                owners = self.known.owners_of(tree)
                looked_at = [one for one in owners if one.key in self.known.planned or one.key in self.bulkhead.bugs]
                if self._can_wait(tree, looked_at) and self.may_hold():
                    self.held.add(tree)
                    actions = report_scaling(view, looked_at)
                else:
                    actions = report(view, looked_at, self.bulkhead.isolate)
                told += [replace(action, tree=tree) for action in actions if not self._is_in_vain(action)]
        return told

    def _is_in_vain(self, action: Action) -> bool:
        """Whether a status was written just so already, and the server has kept less of it."""
        written = self.before.shortened.get(action.key) if action.verb is Verb.REPORT else None
        return written is not None and written == as_written(action, self.known.snapshot.objects.get(action.key))

    def _view(self, responses: Sequence[Response]) -> View:
        return View(self.known.snapshot, self.observation.snapshot, self.known.findings, responses, self.clock.now())

    def _can_wait(self, tree: Key, owners: Iterable[Owner]) -> bool:
        """Whether a tree is new and begun without trouble: its first status can wait until its Pods have started."""
        root, responses = self.known.snapshot.objects.get(tree), self.known.responses.get(tree, ())
        is_new = isinstance(root, Owner) and not root.status.conditions
        is_begun = any(one.action.verb is Verb.CREATE and one.action.key.kind is POD for one in responses)
        is_plain = all(one.result is Result.DONE and not (one.warnings or one.was_there) for one in responses)
        return is_new and is_begun and is_plain and not any(self.known.has_news(owner.key) for owner in owners)

    def report(self, reporters: Writers) -> None:
        """Tell what is left to tell: of trees that were cut short, and of what is gone or cannot be read."""
        told = [
            *self.untold,
            *self._tell(tree for tree in self.rounds if tree not in self.through),
            *report_others(self._view(self.known.all_responses()), self.bulkhead.isolate),
        ]
        with self.costs.stage("report"):
            responses = apply(self.api, told, reporters)
        self.known.learn(responses)
        is_untold = any(response.result is Result.SKIPPED for response in responses)
        self.is_cut = self.is_cut or (is_untold and not reporters.may_begin())

    def result(self) -> PassResult:
        """All that the pass saw and did."""
        known = self.known
        findings = tuple(dict.fromkeys(one for findings in known.findings.values() for one in findings))
        actions, responses = known.all_actions(), known.all_responses()
        tried = {(action.verb, action.key) for action in actions}
        postponed = tuple(action for action in known.all_postponed() if (action.verb, action.key) not in tried)
        trees = {owner.key: tree_of(owner, known.snapshot) for owner in owners_in(known.snapshot)}
        return PassResult(
            None if self.observation.coverage.is_empty else known.snapshot,
            Plan(actions, findings, postponed),
            responses,
            tuple(known.reports),
            self.observation.errors,
            self.costs.seconds,
            max(self.rounds.values(), default=0),
            self.is_cut,
            max(retry_after((*responses, *known.reports)), self.observation.retry_after_seconds or 0.0),
            (*self.observation.costs, *self.costs.noted),
            self.observation.coverage,
            trees,
            self.claims.taken.intersection(trees.values()).union(self.order.left),
            frozenset(self.held),
        )

    def memory(self) -> Memory:
        """What to remember."""
        known, responses = self.known, self.known.all_responses()
        planned = (*known.all_actions(), *known.all_postponed())
        undone = {**known.written.unlooked(self.through, known.snapshot), **known.written.undone}
        turn = Turn(known.snapshot, known.planned, planned, responses, undone, known.written.dropped)
        backoff = next_backoff(self.before.backoff, turn, self.clock.now(), self.clock.seconds())
        rest = {**self.resting, **self._come_to_rest()}
        served = self._served() if self.is_cut else frozenset()
        there = {key: one for key, one in self.before.shortened.items() if key in known.snapshot.objects}
        less = {**there, **shortened(known.reports)}
        return Memory(backoff, rest, tuple(self.bulkhead.bugs.values()), served, less)

    def _served(self) -> frozenset[Key]:
        """The trees that had a turn, in this pass or one before it, as long as there are others that had none."""
        sent = (response for response in self.known.all_responses() if response.result is not Result.SKIPPED)
        now = self.through.union(response.action.tree for response in sent)
        so_far = now.union(self.before.served.intersection(self.known.members))
        return frozenset(so_far if self.order.left - so_far else now)

    def _come_to_rest(self) -> Mapping[Key, Rest]:
        """The trees of which nothing was done, postponed, found or written, and nothing is on the way."""
        known = self.known
        reported = {response.action.owner for response in known.reports}
        owners = [owner for owner in owners_in(known.snapshot) if owner.key in known.planned]
        news = (owner for owner in owners if owner.key in reported or known.has_news(owner.key))
        busy = {tree_of(owner, known.snapshot) for owner in news}.union(known.responses)
        return at_rest(trees_of(owners, known.snapshot), busy, known.snapshot, self.clock.seconds())
