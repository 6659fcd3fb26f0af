"""A pass, and passes on an interval.

    observe ──► desire ──► plan ──► policy ──► apply ──► report
    lists       pure       pure     pure       writes    statuses and Events, applied too
                  ▲                     │
                  └──── responses ◄─────┘   rounds, until nothing is left that needs no waiting

The folded world is planned again after each round, so that one pass takes a DaskJob all the way to its worker Pods
without listing again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from threading import Event

from models.kinds import Key
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Observed, Owner, Snapshot
from reconciler.daemon.settings import Settings
from reconciler.memory import MemoryAPI
from reconciler.passes import policy
from reconciler.passes.apply import apply, is_occupied
from reconciler.passes.bulkhead import Edge, outer_edge
from reconciler.passes.desire import desire
from reconciler.passes.observe import Observation, Scope, observe
from reconciler.passes.plan import chain_of, plan
from reconciler.passes.report import report
from reconciler.passes.values import Action, Body, Finding, PassResult, Plan, Response, Result, Verb
from reconciler.passes.write_backoff import Wait, next_waits, waiting
from reconciler.wire.protocol import API

MOST_ROUNDS = 200
"""A guard against a plan that is never at rest; with the write budget it bounds a cluster's writes in a pass."""

MOST_PASSES_OF_ONCE = 5
"""How often `once` begins anew after conflicts and unknown outcomes, which only another look resolves."""

Clock = Callable[[], datetime]
Observer = Callable[[PassResult], None]


class Loop:
    """Makes passes.

    - A pass never raises for what the API answers: errors are in its result.
    - A bug that one resource brings to light stops neither the others nor the passes after this one.
    - Passes never overlap.
    - Whatever a pass leaves undone, the next one sees.

    Args:
        api: The API to read from and write to.
        settings: What to look after, and how carefully.
        clock: What time it is, in UTC.
        observers: Told the result of each pass.
    """

    def __init__(
        self,
        api: API,
        settings: Settings,
        *,
        clock: Clock,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._observers = observers
        self._waits: Mapping[Key, Wait] = {}
        self._bugs: tuple[Finding, ...] = ()
        self._stop = Event()
        self.last_attempt_at: datetime | None = None
        self.listed_once = False

    def once(self) -> PassResult:
        """One pass; after conflicts and unknown outcomes, more, until there are none or it is hopeless.

        Returns:
            The last pass, with what those before it did.
        """
        result = self._pass()
        for _ in range(MOST_PASSES_OF_ONCE - 1):
            if self._stop.is_set() or not any(_needs_another_look(response) for response in result.failures):
                break
            result = _joined(result, self._pass())
        return result

    def forever(self, stop: Event) -> None:
        """Passes on the interval, until `stop` is set; the pass in hand is ended after the round in hand."""
        self._stop = stop
        while not stop.is_set():
            begun = time.monotonic()
            with outer_edge():
                self._pass()
            self.last_attempt_at = self._clock()
            stop.wait(max(0.0, self._settings.interval - (time.monotonic() - begun)))

    def _pass(self) -> PassResult:
        now = self._clock()
        begun = time.perf_counter()
        observation = observe(self._api, Scope(self._settings.namespaces), now)
        with ThreadPoolExecutor(self._settings.parallel_writes, "write") as writers:
            hand = _Pass(self._api, self._settings, observation, writers, self._stop, self._waits, self._bugs)
            hand.seconds["observe"] = time.perf_counter() - begun
            hand.reconcile()
            hand.report(self._clock())
        result = hand.result()
        self._bugs = result.bugs
        if result.snapshot is not None:
            self._waits = next_waits(self._waits, hand.responses, result.snapshot, self._clock())
        self.listed_once = self.listed_once or not result.errors
        for observer in self._observers:
            observer(result)
        return result


def rehearse(api: API, settings: Settings, now: datetime) -> PassResult:
    """What a pass would do: the same pass, with an API in memory that holds the observed world in apply's place.

    Args:
        api: The API to read from; nothing is written to it.
        settings: What to look after, and how carefully.
        now: What time it is, in UTC.
    """
    observation = observe(api, Scope(settings.namespaces), now)
    twin = MemoryAPI(lambda: now, objects=[_manifest(one) for one in observation.snapshot.objects.values()])
    with ThreadPoolExecutor(1, "rehearse") as writers:
        hand = _Pass(twin, settings, observation, writers, Event(), {})
        hand.reconcile()
        hand.report(now)
    return hand.result()


@dataclass
class _Pass:
    """One pass under way: what it knows by now, and what it has done."""

    api: API
    settings: Settings
    observation: Observation
    writers: Executor
    stop: Event
    waits: Mapping[Key, Wait]
    known_bugs: tuple[Finding, ...] = ()
    snapshot: Snapshot = field(init=False)
    edge: Edge = field(init=False)
    findings: dict[Key, tuple[Finding, ...]] = field(default_factory=dict)
    held: dict[Key, tuple[Action, ...]] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    reports: tuple[Response, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    rounds: int = 0

    def __post_init__(self) -> None:
        self.snapshot = self.observation.snapshot
        self.edge = Edge(self.findings, self.known_bugs)

    def reconcile(self) -> None:
        """Plan and apply, round by round, until nothing is left that needs no waiting."""
        active: Iterable[Owner] = list(_owners(self.snapshot))
        stopped: set[Key] = set()
        while self.rounds < MOST_ROUNDS and not self.stop.is_set():
            self.rounds += 1
            allowed = self._plan(active, stopped)
            if not allowed.actions:
                return
            with self._stage("apply"):
                responses = apply(self.api, allowed.actions, self.writers)
            self.actions += allowed.actions
            self.responses += responses
            self._fold(responses)
            stopped.update(key for response in responses for key in _stopped_by(response))
            touched = {response.action.chain for response in responses}
            owners = (owner for owner in _owners(self.snapshot) if owner.key not in self.edge.bugs)
            active = [owner for owner in owners if chain_of(owner, self.snapshot) in touched]

    def report(self, now: datetime) -> None:
        """Write what was seen and found into statuses and Events, where it is news."""
        with self._stage("report"):
            news = report(self.snapshot, self.observation.snapshot, self.findings, self.responses, now, self.edge)
            self.reports = apply(self.api, news, self.writers)
        self._fold(self.reports)

    def result(self) -> PassResult:
        """All that the pass saw and did."""
        findings = tuple(dict.fromkeys(one for findings in self.findings.values() for one in findings))
        tried = {(action.verb, action.key) for action in self.actions}
        waiting = (action for actions in self.held.values() for action in actions)
        held = tuple(action for action in waiting if (action.verb, action.key) not in tried)
        read_nothing = len(self.observation.errors) == max(1, len(self.settings.namespaces))
        return PassResult(
            None if read_nothing else self.snapshot,
            Plan(tuple(self.actions), findings, held),
            tuple(self.responses),
            self.reports,
            self.observation.errors,
            self.seconds,
            self.rounds,
        )

    def _fold(self, responses: Iterable[Response]) -> None:
        """Take what the responses say into the picture."""
        self.snapshot = self.snapshot.fold(
            {key: one for response in responses for key, one in response.objects.items()}
        )

    def _plan(self, active: Iterable[Owner], stopped: set[Key]) -> Plan:
        """What may be done now for the resources in question."""
        naming = self.settings.naming
        with self._stage("desire"):
            desired = self.edge.each((owner.key, partial(desire, owner, self.snapshot, naming)) for owner in active)
        with self._stage("plan"):
            plans = self.edge.each((one.owner.key, partial(plan, one, self.snapshot)) for one in desired)
        with self._stage("policy"):
            whole = Plan(
                tuple(action for one in plans for action in one.actions),
                tuple(finding for one in plans for finding in one.findings),
            )
            allowed = self._allowed(whole, stopped)
        self._note([one.owner.key for one in desired if one.owner.key not in self.edge.bugs], allowed)
        return allowed

    def _allowed(self, whole: Plan, stopped: set[Key]) -> Plan:
        """The plan without what must wait, and within the bounds of the settings."""
        settings = self.settings
        allowed = policy.without_repeated(policy.without_stopped(whole, stopped), self.actions)
        now = self.snapshot.taken_at
        allowed = policy.without_waiting(allowed, waiting(self.waits, self.snapshot, now))
        if settings.no_delete:
            allowed = policy.without_deletes(allowed)
        deleted = sum(r.action.verb is Verb.DELETE and r.result is Result.DONE for r in self.responses)
        allowed = policy.within_deletion_cap(allowed, settings.deletion_cap, deleted)
        return policy.within_budget(allowed, settings.write_budget)

    def _note(self, planned: Iterable[Key], allowed: Plan) -> None:
        """Keep what was found and held of the resources just planned, in place of what was known of them."""
        for key in planned:
            self.findings.pop(key, None)
            self.held.pop(key, None)
        for finding in dict.fromkeys(allowed.findings):
            self.findings[finding.about] = (*self.findings.get(finding.about, ()), finding)
        for action in allowed.held:
            self.held[action.owner] = (*self.held.get(action.owner, ()), action)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun


def _owners(snapshot: Snapshot) -> Iterator[Owner]:
    """The custom resources, parents first."""
    yield from snapshot.of(DaskJob)
    yield from snapshot.of(DaskCluster)
    yield from snapshot.of(DaskWorkerGroup)
    yield from snapshot.of(DaskAutoscaler)


def _stopped_by(response: Response) -> set[Key]:
    """Whom an error keeps from being planned again in this pass."""
    if is_occupied(response):
        return set()
    if response.result is Result.REFUSED:
        return {response.action.owner}
    if response.result in (Result.CONFLICT, Result.UNAVAILABLE, Result.UNKNOWN):
        return {response.action.chain}
    return set()


def _joined(earlier: PassResult, last: PassResult) -> PassResult:
    """The last pass, with what an earlier one got done; what that one failed at, the last one has seen to."""
    done = tuple(response for response in earlier.responses if response.result is Result.DONE)
    return replace(
        last,
        plan=replace(last.plan, actions=(*(response.action for response in done), *last.plan.actions)),
        responses=(*done, *last.responses),
        rounds=earlier.rounds + last.rounds,
    )


def _needs_another_look(response: Response) -> bool:
    return response.result in (Result.CONFLICT, Result.UNKNOWN) and not is_occupied(response)


def _manifest(observed: Observed) -> Body:
    """An observed object as the API would show it."""
    kind = observed.key.kind
    return {"apiVersion": kind.api_version, "kind": kind.name, **observed.written()}
