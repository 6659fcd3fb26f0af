"""Hints, from a change in Kubernetes to the tree that it names."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, EVENT, POD, SERVICE, Key, Kind
from reconciler.hints import Hints
from reconciler.memory import MemoryAPI
from reconciler.memory.recent_changes import MemoryWatch
from reconciler.passes.observe import Scope, observe
from reconciler.rules.labels import CLUSTER, COMPONENT
from reconciler.wire.errors import Forbidden
from reconciler.wire.protocol import WATCH_SILENCE_SECONDS, Body
from tests.builders import NOON
from tests.manifests import cluster, group, job, manifest, pod_spec
from tests.unit.hints.watches import Clock

LONG = 10.0
"""Longer than any hint takes."""
OURS = {CLUSTER: "c", COMPONENT: "worker"}


class Refusing(MemoryAPI):
    """An API that lists everything, and lets nobody watch some kinds."""

    def __init__(self, *refused: Kind) -> None:
        super().__init__(lambda: NOON)
        self.refused = refused

    def watch(self, kind: Kind, namespace: str | None, **asked: Any) -> MemoryWatch:
        if kind in self.refused:
            raise Forbidden("no rights", status=403)
        return super().watch(kind, namespace, **asked)

    def make(self, kind: Kind, body: Body, namespace: str = "default", **metadata: Any) -> Body:
        return self.create(kind, {**body, "metadata": {**body["metadata"], "namespace": namespace, **metadata}}).body

    def pod(self, name: str, namespace: str = "default") -> Body:
        """A Pod of cluster `c`."""
        return self.make(POD, manifest(POD, name, pod_spec()), namespace, labels=OURS)


@contextmanager
def hinting(api: MemoryAPI, *namespaces: str, **more: Any) -> Iterator[Hints]:
    """Hints that have begun after a list of everything; in the end their threads are gone."""
    hints = Hints(api, namespaces, **{"pause": lambda changed, _: changed.wait(LONG), "window_seconds": 0, **more})
    hints.restart(observe(api, Scope(namespaces), NOON).versions)
    try:
        yield hints
    finally:
        hints.close()
        assert hints.join(LONG)


def named(hints: Hints, *wanted: Key) -> set[Key]:
    """The trees that hints name, as soon as those wanted are among them."""
    found: set[Key] = set()
    while not found.issuperset(wanted) and (trees := hints.wait(LONG)):
        found |= trees
    return found


def sees(condition: Callable[[], bool]) -> bool:
    """Whether something happens in a thread before long."""
    return any(condition() or Event().wait(0.001) for _ in range(5000))


def key(kind: Kind, name: str, namespace: str = "default") -> Key:
    return Key(kind, namespace, name)


def test_without_a_list_there_are_no_hints() -> None:
    """Nothing is watched before it is known from where."""
    hints = Hints(Refusing())
    assert not hints.healthy
    assert hints.wait(0) == frozenset()
    hints.close()
    assert hints.join(LONG)


def test_a_change_names_its_tree() -> None:
    """Of each kind that is listed, what changes after the list is told."""
    api = Refusing()
    api.make(DASK_CLUSTER, cluster("before"))
    with hinting(api) as hints:
        api.make(DASK_JOB, job("j"))
        api.make(DASK_CLUSTER, cluster("new"))
        api.make(DASK_WORKER_GROUP, group("g", "c"))
        api.pod("p")
        api.make(SERVICE, manifest(SERVICE, "s", {"ports": [{"port": 1}]}), labels={CLUSTER: "d", COMPONENT: "x"})
        expected = {key(DASK_JOB, "j"), key(DASK_WORKER_GROUP, "g")}
        expected |= {key(DASK_CLUSTER, name) for name in ("new", "c", "d")}
        assert named(hints, *expected) == expected
        api.remove(key(DASK_CLUSTER, "before"))
        assert named(hints, key(DASK_CLUSTER, "before")) == {key(DASK_CLUSTER, "before")}


def test_in_named_namespaces_only_those_are_watched() -> None:
    """Rights in these namespaces are enough."""
    api = Refusing()
    with hinting(api, "a", "b") as hints:
        for namespace in ("elsewhere", "a", "b"):
            api.pod("p", namespace)
        expected = {key(DASK_CLUSTER, "c", "a"), key(DASK_CLUSTER, "c", "b")}
        assert named(hints, *expected) == expected


def test_our_own_writes_give_no_hints() -> None:
    """A pass is not followed by another one for what it has written itself."""
    api = Refusing()
    with hinting(api) as hints:
        made = [api.pod(f"p{number}") for number in range(10)]
        made.append(api.patch(key(POD, "p0"), {"metadata": {"labels": {"a": "b"}}}).body)
        for body in made:
            hints.note_written(key(POD, body["metadata"]["name"]), body["metadata"]["resourceVersion"])
        hints.note_written(key(EVENT, "e"), "99")
        api.make(DASK_CLUSTER, cluster("other"))
        assert named(hints, key(DASK_CLUSTER, "other")) == {key(DASK_CLUSTER, "other")}
        api.edit(key(POD, "p0"), {"metadata": {"labels": {"a": "c"}}})
        assert named(hints, key(DASK_CLUSTER, "c")) == {key(DASK_CLUSTER, "c")}


def test_what_a_pass_over_everything_saw_gives_no_hints() -> None:
    """Its lists were newer than these changes."""
    api = Refusing()
    with hinting(api) as hints:
        api.pod("p")
        hints.restart(observe(api, Scope(), NOON).versions)
        api.make(DASK_CLUSTER, cluster("other"))
        assert named(hints, key(DASK_CLUSTER, "other")) == {key(DASK_CLUSTER, "other")}


def test_hints_are_healthy_while_every_watch_is() -> None:
    """Open, and heard from lately; one that is refused leaves the others at work, and hints unhealthy."""
    with hinting(Refusing()) as hints:
        assert sees(lambda: hints.healthy)
    assert not hints.healthy
    api = Refusing(POD)
    with hinting(api) as hints:
        api.pod("p")
        api.make(DASK_CLUSTER, cluster("other"))
        assert named(hints, key(DASK_CLUSTER, "other")) == {key(DASK_CLUSTER, "other")}
        assert not hints.healthy


def test_watches_that_fall_silent_are_opened_again() -> None:
    """Unhealthy until then; a bookmark is a sign of life."""
    api, clock = Refusing(), Clock()
    with hinting(api, clock=clock, pause=lambda *_: None) as hints:
        assert sees(lambda: hints.healthy)
        clock.now += WATCH_SILENCE_SECONDS - 1
        api.bookmark()
        assert sees(lambda: _is_fresh(hints, clock))
        clock.now += WATCH_SILENCE_SECONDS + 1
        assert not hints.healthy
        assert hints.wait(0) == frozenset()
        assert sees(lambda: hints.healthy)


def _is_fresh(hints: Hints, clock: Clock) -> bool:
    """Whether all watches would still be healthy some seconds from now."""
    clock.now += 2
    healthy = hints.healthy
    clock.now -= 2
    return healthy


def test_a_history_that_is_forgotten_costs_no_watch_that_keeps_up() -> None:
    """Watches go on after etcd was compacted, from the list after at the latest."""
    api = Refusing()
    with hinting(api) as hints:
        assert sees(lambda: hints.healthy)
        api.pod("p")
        api.forget_history()
        hints.restart(observe(api, Scope(), NOON).versions)
        assert sees(lambda: hints.healthy)
        api.make(DASK_CLUSTER, cluster("other"))
        assert key(DASK_CLUSTER, "other") in named(hints, key(DASK_CLUSTER, "other"))


def test_closing_ends_whoever_waits() -> None:
    """A shutdown waits for no change."""
    hints = Hints(Refusing())
    hints.restart({(POD, None): "1"})
    found: list[frozenset[Key]] = []
    waiter = Thread(target=lambda: found.append(hints.wait(600)))
    waiter.start()
    hints.close()
    waiter.join(LONG)
    assert found == [frozenset()]
    assert hints.join(LONG)
