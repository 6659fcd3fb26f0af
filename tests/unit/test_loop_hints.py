"""Passes over a few trees, side by side with those over everything."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from models.kinds import DASK_CLUSTER, POD, Key, Kind
from reconciler.daemon.settings import Settings
from reconciler.hints import Hints
from reconciler.hints.queue import Claim
from reconciler.loop import Loop
from reconciler.passes.apply import MOST_UNAVAILABLE
from reconciler.passes.values import PassResult, Verb
from reconciler.wire.errors import Forbidden, ServerError, Unreachable
from reconciler.wire.protocol import Watch
from tests.builders import NAMESPACE, cluster, job
from tests.unit.passes.place import Place

LONG = 10.0
"""Longer than anything takes that need not wait for the interval."""


class Watched(Place):
    """A place that can be watched."""

    def watch(
        self, kind: Kind, namespace: str | None, *, version: str, labels: str = "", timeout_seconds: int
    ) -> Watch:
        return self.api.watch(kind, namespace, version=version, labels=labels, timeout_seconds=timeout_seconds)

    def workers(self) -> list[str]:
        """The names of the workers that are not on their way out."""
        metas = [pod["metadata"] for pod in self.api.objects(POD)]
        return [meta["name"] for meta in metas if "-worker-" in meta["name"] and "deletionTimestamp" not in meta]

    def loses(self, worker: str) -> None:
        """Someone deletes it."""
        self.api.remove(Key(POD, NAMESPACE, worker))


class Unwatched(Watched):
    """A place whose changes nobody may watch."""

    def watch(self, *_: Any, **__: Any) -> Watch:
        raise Forbidden("no")


@contextmanager
def running(
    place: Watched, *observers: Callable[[PassResult], None], hints: Hints | None = None, **settings: Any
) -> Iterator[None]:
    """The loop, with hints, for a while."""
    chosen = Settings(parallel_writes=1, **settings)
    loop = Loop(place, chosen, clock=place.clock, observers=observers, hints=hints or Hints(place))
    stop = Event()
    thread = Thread(target=loop.forever, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LONG)
        assert not thread.is_alive()


def sees(condition: Callable[[], bool]) -> bool:
    """Whether something happens before long."""
    return any(condition() or Event().wait(0.001) for _ in range(5000))


def test_a_change_to_what_a_full_pass_has_written_waits_for_no_interval() -> None:
    """The tree is the full pass's only until that ends."""
    place, passed = Watched(), Event()
    place.add(cluster(replicas=2))
    with running(place, lambda _: passed.set(), interval=3600.0):
        assert passed.wait(LONG)
        lost = place.workers()[0]
        place.loses(lost)
        assert sees(lambda: len(place.workers()) == 2), place.workers()
        assert lost not in place.workers()


def test_a_small_pass_that_outlasts_the_interval_is_left_alone_with_its_tree() -> None:
    """The full pass that begins meanwhile makes none of its workers a second time."""
    place, held, passed, small = Watched(), Event(), Event(), Event()

    def happens(verb: Verb | None) -> None:
        if verb is Verb.CREATE and not small.is_set() and len(place.workers()) == 3:
            small.set()
            held.wait(LONG)

    def observe(result: PassResult) -> None:
        if result.coverage.trees is None:
            passed.set()

    place.happens = happens
    with running(place, observe, interval=1.0):
        assert passed.wait(LONG)
        place.add(cluster(replicas=10))
        assert small.wait(LONG)
        passed.clear()
        assert passed.wait(LONG)
        assert len(place.workers()) == 3
        held.set()
        assert sees(lambda: len(place.workers()) == 10), place.workers()
    assert set(Counter(place.made(Verb.CREATE, POD)).values()) == {1}


def test_a_jobs_cluster_is_left_to_the_full_pass_that_works_on_the_job() -> None:
    """Its Pods' events name the cluster; whose tree it is shows only when it is looked at."""
    place, begun, held, looked = Watched(), Event(), Event(), Event()

    def happens(verb: Verb | None) -> None:
        if verb is Verb.CREATE and not begun.is_set() and len(place.workers()) == 3:
            begun.set()
            held.wait(LONG)

    def observe(result: PassResult) -> None:
        if result.coverage.trees is not None:
            looked.set()

    place.happens = happens
    place.add(job(replicas=10))
    with running(place, observe, interval=3600.0):
        assert begun.wait(LONG)
        place.loses(place.workers()[0])
        assert looked.wait(LONG)
        assert len(place.workers()) == 2
        held.set()
        assert sees(lambda: len(place.workers()) == 10), place.workers()


class Together(Hints):
    """Names trees that a test says, all at once."""

    trees: Collection[Key] = ()

    def wait(self, timeout_seconds: float, claim: Claim = iter) -> frozenset[Key]:
        trees, self.trees = self.trees, ()
        return frozenset(claim(trees)) if trees else super().wait(min(timeout_seconds, 0.01), claim)


def test_what_a_pass_gave_up_before_it_was_tried_is_looked_at_again() -> None:
    """A server that is in trouble for a moment makes nobody wait for an interval."""
    place, passed, failures = Unwatched(), Event(), iter(range(MOST_UNAVAILABLE))
    clusters = [cluster(f"c{number}", replicas=1) for number in range(MOST_UNAVAILABLE + 3)]

    def happens(verb: Verb | None) -> None:
        if passed.is_set() and verb is not None and next(failures, None) is not None:
            raise ServerError("etcd has no leader", status=503)

    place.happens = happens
    place.add(*clusters)
    hints = Together(place)
    with running(place, lambda _: passed.set(), hints=hints, interval=3600.0):
        assert passed.wait(LONG)
        for worker in place.workers():
            place.loses(worker)
        hints.trees = [one.key for one in clusters]
        assert sees(lambda: len(place.workers()) == len(clusters)), place.workers()


class Closed(Unwatched):
    """A place with a namespace that nobody may read."""

    tried = 0

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        if namespace == "closed":
            self.tried += 1
            raise Forbidden("no")
        return super().list(kind, namespace, labels=labels, fields=fields)


def test_a_namespace_that_cannot_be_read_delays_no_hint_of_another() -> None:
    """Only a server that cannot be read at all is asked less and less."""
    place, passed = Closed(), Event()
    place.add(cluster(replicas=1))
    hints = Together(place)
    with running(place, lambda _: passed.set(), hints=hints, interval=3600.0, namespaces=("default", "closed")):
        assert passed.wait(LONG)
        for _ in range(3):
            before = place.tried
            hints.trees = [Key(DASK_CLUSTER, "closed", "theirs")]
            assert sees(lambda: place.tried > before)  # noqa: B023 - it is asked at once
        place.loses(place.workers()[0])
        hints.trees = [Key(DASK_CLUSTER, NAMESPACE, "simple")]
        assert sees(lambda: len(place.workers()) == 1), "its hint waits for another namespace"


def test_a_hint_outlives_a_pass_that_a_bug_has_ended() -> None:
    """The next full pass may be an hour away."""
    place, passed, bugs = Unwatched(), Event(), iter([True])

    def happens(verb: Verb | None) -> None:
        if passed.is_set() and verb is None and next(bugs, False):
            raise LookupError("a bug")

    place.happens = happens
    place.add(cluster(replicas=1))
    hints = Together(place)
    with running(place, lambda _: passed.set(), hints=hints, interval=3600.0):
        assert passed.wait(LONG)
        place.loses(place.workers()[0])
        hints.trees = [Key(DASK_CLUSTER, NAMESPACE, "simple")]
        assert sees(lambda: len(place.workers()) == 1), "the hint is lost"


def test_what_waits_after_an_error_is_tried_again_when_it_says_so_and_not_at_the_next_interval() -> None:
    """The status tells when; a full pass may be an hour away."""
    place, passed, failing = Watched(), Event(), Event()

    def happens(verb: Verb | None) -> None:
        if verb is Verb.CREATE and failing.is_set():
            failing.clear()
            raise ServerError("etcd has no leader", status=503)

    place.happens = happens
    place.add(cluster(replicas=2))
    with running(place, lambda _: passed.set(), interval=3600.0):
        assert passed.wait(LONG)
        failing.set()
        place.loses(place.workers()[0])
        assert sees(lambda: len(place.workers()) == 2), place.workers()


class Insistent(Hints):
    """Names one tree again and again."""

    def wait(self, timeout_seconds: float, claim: Claim = iter) -> frozenset[Key]:
        Event().wait(min(timeout_seconds, 0.001))
        return frozenset(claim([Key(DASK_CLUSTER, NAMESPACE, "simple")]))


def test_a_server_that_cannot_be_read_is_asked_less_and_less() -> None:
    """However much there is to look at: each small pass that could read nothing is followed by a longer pause."""
    place, lists = Watched(), Counter[str]()

    def happens(_: Verb | None) -> None:
        lists["tried"] += 1
        raise Unreachable("connection refused")

    place.happens = happens
    with running(place, interval=3600.0, hints=Insistent(place)):
        assert sees(lambda: lists["tried"] > 0)
        Event().wait(1.0)
        assert lists["tried"] < 30
