"""What a watch tells: changes to metadata, in order, from a version on."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Event, Thread

import pytest

from models.kinds import DASK_CLUSTER, POD, Key
from reconciler.wire.errors import ApiError, Gone, Invalid
from reconciler.wire.protocol import EventType, Watch, WatchEvent
from tests.contract.world import World, every_sort, key_of, owner, pod, running_pod, uid, version
from tests.manifests import Manifest, cluster, group

ADDED, MODIFIED, DELETED, BOOKMARK = EventType


@contextmanager
def watching(
    world: World, body: Manifest, since: str, labels: str = "", namespace: str | None = None
) -> Iterator[Iterator[WatchEvent]]:
    """The events of a watch without its bookmarks; 30 s are longer than any test waits for one."""
    kind = key_of(body).kind
    watch = world.api.watch(kind, namespace or world.namespace, version=since, labels=labels, timeout_seconds=30)
    try:
        yield (event for event in watch if event.type is not BOOKMARK)
    finally:
        watch.close()


def told(events: Iterator[WatchEvent], count: int) -> list[tuple[EventType, str]]:
    """What happened to which object, of so many events."""
    return [(event.type, event.key.name) for event in islice(events, count)]


def listed_at(world: World, body: Manifest) -> str:
    """The version of a list."""
    return str(version(world.listing(body)))


@every_sort
def test_a_watch_tells_of_what_is_made_changed_and_removed(world: World, body: Manifest) -> None:
    """Each change is told once, in order, with the version that it made and what the metadata says."""
    with watching(world, body, listed_at(world, body)) as events:
        created = world.create(body, labels={"a": "b"})
        changed = world.api.patch(key_of(created), {"metadata": {"labels": {"c": "d"}}}).body
        world.end(key_of(created))
        first, second = islice(events, 2)
        last = next(event for event in events if event.type is DELETED)
    assert first == WatchEvent(ADDED, key_of(created), str(version(created)), uid(created), {"a": "b"})
    assert second == WatchEvent(MODIFIED, key_of(created), str(version(changed)), uid(created), {"a": "b", "c": "d"})
    assert (last.key, last.uid, last.labels) == (second.key, second.uid, second.labels)
    assert int(last.resource_version) > int(second.resource_version)


def test_a_watch_begins_after_its_version(world: World) -> None:
    """What a list showed is not told again, and nothing that came after it is left out."""
    world.create(group("before"))
    since = listed_at(world, group())
    world.create(group("meanwhile"))
    with watching(world, group(), since) as events:
        world.create(group("afterwards"))
        assert told(events, 2) == [(ADDED, "meanwhile"), (ADDED, "afterwards")]


def test_a_watch_goes_on_from_any_event(world: World) -> None:
    """The version of an event is one from which can be watched."""
    since = listed_at(world, pod())
    created = world.create(pod("a"))
    world.create(pod("b"))
    with watching(world, pod(), since) as events:
        assert told(events, 2) == [(ADDED, "a"), (ADDED, "b")]
    with watching(world, pod(), str(version(created))) as events:
        assert told(events, 1) == [(ADDED, "b")]


def test_what_enters_a_selector_is_added_and_what_leaves_it_is_deleted(world: World) -> None:
    """To a watch with a selector, other objects do not exist; what leaves it is told as it was before."""
    since = listed_at(world, pod())
    with watching(world, pod(), since, "color") as events:
        other, one = world.create(pod("other")), world.create(pod("one"))
        for color in ("red", "blue", None):
            last = world.api.patch(key_of(one), {"metadata": {"labels": {"color": color}}}).body
        world.end(key_of(other))
        world.create(pod("end"), labels={"color": "green"})
        found = list(islice(events, 4))
    assert [(event.type, event.labels.get("color")) for event in found] == [
        (ADDED, "red"),
        (MODIFIED, "blue"),
        (DELETED, "blue"),
        (ADDED, "green"),
    ]
    assert found[2].resource_version == str(version(last))


def test_a_watch_is_of_one_namespace_or_of_all(world: World) -> None:
    """Without a namespace all namespaces are watched."""
    there = world.another_namespace()
    since, chosen = listed_at(world, pod()), f"in={world.namespace}"
    watch = world.api.watch(POD, None, version=since, labels=chosen, timeout_seconds=30)
    with watching(world, pod(), since, namespace=there) as events:
        world.create(pod("here"), labels={"in": world.namespace})
        world.create(pod("there"), labels={"in": world.namespace}, namespace=there)
        assert told(events, 1) == [(ADDED, "there")]
    assert [event.key.namespace for event in islice(watch, 2)] == [world.namespace, there]
    watch.close()


def test_a_status_is_a_change_too(world: World) -> None:
    """Whatever changes an object gives it a version, and that is told."""
    created = world.create(running_pod())
    with watching(world, pod(), str(version(created))) as events:
        changed = world.api.patch(key_of(created), {"status": {"phase": "Running"}}, "status").body
        (event,) = islice(events, 1)
    assert (event.type, event.resource_version) == (MODIFIED, str(version(changed)))


def test_a_pod_that_is_being_deleted_is_changed_first(world: World) -> None:
    """A deletion with grace is told when it begins and when it is over."""
    created = world.create(running_pod())
    with watching(world, pod(), str(version(created))) as events:
        world.api.delete(key_of(created), uid(created))
        world.end(key_of(created))
        *begun, over = told(events, 2)
    assert begun == [(MODIFIED, "p")]
    assert over[0] in (MODIFIED, DELETED)  # a real server shortens the grace to nothing first


def test_a_watch_tells_who_controls_an_object(world: World) -> None:
    """Of the owners, the one that manages the object is told."""
    parent = world.create(cluster())
    since = listed_at(world, pod())
    world.create(pod("a"), ownerReferences=[owner(parent)])
    world.create(pod("b"), ownerReferences=[owner(parent, controller=True)])
    with watching(world, pod(), since) as events:
        without, controlled = islice(events, 2)
    assert without.controller is None
    assert controlled.controller is not None
    assert (controlled.controller.kind, controlled.controller.name) == (DASK_CLUSTER.name, "c")
    assert controlled.controller.uid == uid(parent)


@pytest.mark.parametrize("body", [pod(), cluster()], ids=lambda body: body["kind"])
def test_a_watch_ends_by_itself_with_a_bookmark(world: World, body: Manifest) -> None:
    """The last thing told is a version to go on from, although what happened concerned nobody here."""
    kind, since = key_of(body).kind, listed_at(world, body)
    seconds = world.watch_seconds
    watch = world.api.watch(kind, world.namespace, version=since, labels="no=body", timeout_seconds=seconds)
    created = world.create(body)
    *_, last = watch
    assert (last.type, last.key) == (BOOKMARK, Key(kind, "", ""))
    assert int(last.resource_version) >= version(created)


def test_a_version_that_is_too_old_is_gone(world: World) -> None:
    """What happened since then is not remembered any more: only a list tells."""
    world.create(cluster())
    old = world.forget()
    with pytest.raises(Gone):
        list(world.api.watch(DASK_CLUSTER, world.namespace, version=old, timeout_seconds=5))


def test_a_version_that_is_none_is_an_error(world: World) -> None:
    """A version is a number."""
    with pytest.raises(ApiError, match="Invalid value"):
        list(world.api.watch(POD, world.namespace, version="x", timeout_seconds=5))


def test_a_selector_that_makes_no_sense_is_refused(world: World) -> None:
    """A malformed selector is an error, not an empty watch."""
    with pytest.raises(Invalid):
        list(world.api.watch(POD, world.namespace, version="1", labels="a=b=c", timeout_seconds=5))


def test_a_watch_can_be_closed_while_someone_waits(world: World) -> None:
    """Closing ends the wait of another thread at once, and can be done again."""
    watch = world.api.watch(POD, world.namespace, version=listed_at(world, pod()), timeout_seconds=300)
    begun = Event()
    reader = Thread(target=exhaust, args=(watch, begun))
    reader.start()
    world.create(pod())
    assert begun.wait(10)
    watch.close()
    reader.join(10)
    assert not reader.is_alive()
    watch.close()
    assert list(watch) == []


def exhaust(watch: Watch, begun: Event) -> None:
    """Read to the end; `begun` is set by the first event."""
    for _ in watch:
        begun.set()
