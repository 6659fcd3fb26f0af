"""Namespaces that are to be looked after and do not exist."""

import json

import pytest

from models.kinds import NAMESPACE, Kind
from reconciler.daemon.namespaces import tell_absent
from reconciler.memory import MemoryAPI
from reconciler.wire.errors import ApiError, Forbidden, Unreachable
from tests.builders import NOON
from tests.unit.daemon.keeplogging import Lines


class Namespaces(MemoryAPI):
    """An API that knows some namespaces, or does not say."""

    def __init__(self, *there: str) -> None:
        super().__init__(lambda: NOON)
        self.there = there
        self.error: ApiError | None = None

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        assert (kind, namespace, labels) == (NAMESPACE, None, "")
        if self.error is not None:
            raise self.error
        return json.dumps({"items": [{} for name in self.there if fields == f"metadata.name={name}"]}).encode()


def test_a_namespace_that_does_not_exist_is_told(lines: Lines) -> None:
    """Its lists are empty like those of another."""
    tell_absent(Namespaces("there"), ("there", "nope"))
    (line,) = lines()
    assert (line["event"], line["level"], line["key"]) == ("namespace.absent", "warning", "nope")
    assert "kubectl create namespace nope" in str(line["message"])


@pytest.mark.parametrize("error", [Forbidden("no right to list namespaces", status=403), Unreachable("refused")])
def test_where_the_server_does_not_say_nothing_is_told(error: ApiError, lines: Lines) -> None:
    """A right that is missing is no fault; and a server that does not answer is told by the first pass."""
    api = Namespaces()
    api.error = error
    tell_absent(api, ("nope",))
    assert lines() == []
