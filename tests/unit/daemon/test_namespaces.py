"""Namespaces that are to be looked after and do not exist."""

import json
from dataclasses import replace

from models.kinds import NAMESPACE, Kind
from reconciler.daemon.namespaces import NamespaceLog
from reconciler.memory import MemoryAPI
from reconciler.passes.coverage import Coverage
from reconciler.wire.errors import ApiError, Forbidden, Unreachable
from tests.builders import NOON, cluster
from tests.unit.daemon.keeplogging import Lines
from tests.unit.daemon.passresults import passed, unread


class Namespaces(MemoryAPI):
    """An API that knows some namespaces, or does not say."""

    def __init__(self, *there: str) -> None:
        super().__init__(lambda: NOON)
        self.there = there
        self.error: ApiError | None = None
        self.asked: list[str] = []

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        assert (kind, namespace, labels) == (NAMESPACE, None, "")
        self.asked.append(fields)
        if self.error is not None:
            raise self.error
        return json.dumps({"items": [{} for name in self.there if fields == f"metadata.name={name}"]}).encode()


def test_a_namespace_that_does_not_exist_is_told_once_until_it_is_there(lines: Lines) -> None:
    """Its lists are empty like those of another; one that exists is not asked for again."""
    api = Namespaces("there")
    log = NamespaceLog(api, ("there", "nope"))
    for _ in range(3):
        log(passed())
    (line,) = lines()
    assert (line["event"], line["level"], line["key"]) == ("namespace.absent", "warning", "nope")
    assert "kubectl create namespace nope" in str(line["message"])
    assert api.asked.count("metadata.name=there") == 1
    api.there = ("there", "nope")
    log(passed())
    assert [line["event"] for line in lines()] == ["namespace.absent.over"]
    api.asked.clear()
    log(passed())
    assert api.asked == []


def test_who_may_not_see_namespaces_hears_nothing(lines: Lines) -> None:
    """A right that is missing is no fault, and is not asked for again and again."""
    api = Namespaces()
    api.error = Forbidden("no right to list namespaces", status=403)
    log = NamespaceLog(api, ("nope",))
    log(passed())
    log(passed())
    assert (lines(), len(api.asked)) == ([], 1)


def test_a_server_that_does_not_answer_says_nothing_of_namespaces(lines: Lines) -> None:
    """It is asked again; and not at all where nothing could be listed, of a few trees, or of what is seen to exist."""
    api = Namespaces()
    log = NamespaceLog(api, ("default",))
    log(unread())
    log(replace(passed(), coverage=Coverage(trees=frozenset())))
    assert api.asked == []
    api.error = Unreachable("connection refused")
    log(passed())
    assert lines() == []
    log(passed(objects=[cluster()]))
    assert (lines(), len(api.asked)) == ([], 1)
