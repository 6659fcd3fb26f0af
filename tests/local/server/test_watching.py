"""Watches, as they come over HTTP."""

from contextlib import closing
from itertools import islice
from threading import Thread

from models.kinds import DASK_WORKER_GROUP, Key
from reconciler.local.server import Server
from reconciler.memory import MemoryAPI
from tests.local.server.asking import DASK, MERGE, Asking
from tests.manifests import group

GROUPS = f"{DASK}/daskworkergroups"


def test_a_watch_tells_each_change_with_the_object(ask: Asking, api: MemoryAPI) -> None:
    """From the version of a list on; the object as it is then, or as it was when it went."""
    version = ask.done("GET", GROUPS)["metadata"]["resourceVersion"]
    lines = ask.lines(f"{GROUPS}?watch=true&resourceVersion={version}")
    key = Key(DASK_WORKER_GROUP, "default", "g")
    api.create(DASK_WORKER_GROUP, {**group(), "metadata": {"name": "g", "namespace": "default"}})
    assert [line["type"] for line in islice(lines, 1)] == ["ADDED"]
    api.edit(key, {"spec": {"worker": {"replicas": 3}}})
    [line] = islice(lines, 1)
    assert (line["type"], line["object"]["spec"]["worker"]["replicas"]) == ("MODIFIED", 3)
    api.remove(key)
    [line] = islice(lines, 1)
    assert (line["type"], line["object"]["metadata"]["resourceVersion"]) == ("DELETED", str(api.revision))


def test_without_a_version_a_watch_begins_with_what_there_is(ask: Asking) -> None:
    """And so does one that asks for it, which hears in a bookmark where that ends."""
    ask.done("POST", GROUPS, group())
    assert [line["type"] for line in islice(ask.lines(f"{GROUPS}?watch=true"), 1)] == ["ADDED"]
    asked = f"{GROUPS}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    first, second = islice(ask.lines(asked), 2)
    assert (first["type"], second["type"]) == ("ADDED", "BOOKMARK")
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_ends_when_its_time_is_over(ask: Asking) -> None:
    """With a bookmark if that is wanted, from which another one goes on."""
    version = ask.done("POST", GROUPS, group())["metadata"]["resourceVersion"]
    asked = f"{GROUPS}?watch=true&resourceVersion={version}&timeoutSeconds=0"
    assert [*ask.lines(asked)] == []
    [bookmark] = ask.lines(f"{asked}&allowWatchBookmarks=true")
    assert bookmark["object"]["metadata"]["resourceVersion"] == version


def test_a_version_that_is_forgotten_is_gone(ask: Asking, api: MemoryAPI) -> None:
    """The client hears 410 and lists anew."""
    ask.done("POST", GROUPS, group())
    api.forget_history()
    [line] = ask.lines(f"{GROUPS}?watch=true&resourceVersion=1")
    assert (line["type"], line["object"]["code"], line["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_a_watch_looks_at_some_objects_alone(ask: Asking) -> None:
    """Those of a name, or with a label, or in a namespace."""
    for name in ("a", "b"):
        ask.done("POST", GROUPS, group(name))
    for chosen in ("fieldSelector=metadata.name%3Db", "labelSelector=x%3Dy"):
        lines = ask.lines(f"{GROUPS}?watch=true&{chosen}")
        ask.done("PATCH", f"{GROUPS}/b", {"metadata": {"labels": {"x": "y"}}}, type_=MERGE)
        assert next(lines)["object"]["metadata"]["name"] == "b"
        ask.done("PATCH", f"{GROUPS}/b", {"metadata": {"labels": {"x": None}}}, type_=MERGE)


def test_a_watch_of_tables_has_a_row_in_each_line(ask: Asking) -> None:
    """As `kubectl get --watch` wants it."""
    ask.done("POST", GROUPS, group())
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    [line] = islice(ask.lines(f"{GROUPS}?watch=true", accept), 1)
    assert line["object"]["kind"] == "Table"
    assert line["object"]["rows"][0]["cells"][0] == "g"


def test_nothing_is_lost_between_threads(server: Server, ask: Asking, api: MemoryAPI) -> None:
    """Whoever writes, over HTTP or in the process: a watch tells each change once, in the order of the versions."""

    def through_http(name: str) -> None:
        with closing(Asking(server)) as asking:
            for number in range(20):
                asking.done("POST", GROUPS, group(f"{name}-{number}"))

    def beside_it(name: str) -> None:
        for number in range(20):
            body = group(f"{name}-{number}")
            api.create(DASK_WORKER_GROUP, {**body, "metadata": {**body["metadata"], "namespace": "default"}})

    lines = ask.lines(f"{GROUPS}?watch=true&resourceVersion={api.revision}")
    writers = [Thread(target=each, args=(f"w{n}",)) for n, each in enumerate((through_http, beside_it) * 2)]
    for writer in writers:
        writer.start()
    seen = [line["object"]["metadata"] for line in islice(lines, 80)]
    for writer in writers:
        writer.join()
    assert {meta["name"] for meta in seen} == {f"w{n}-{number}" for n in range(4) for number in range(20)}
    versions = [int(meta["resourceVersion"]) for meta in seen]
    assert versions == sorted(versions)
    assert len({meta["uid"] for meta in seen}) == 80
