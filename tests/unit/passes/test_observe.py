"""Observing: a complete picture, or none."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from models.kinds import (
    DASK_AUTOSCALER,
    DASK_CLUSTER,
    DASK_JOB,
    DASK_WORKER_GROUP,
    POD,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    Key,
    Kind,
)
from reconciler.passes.observe import Scope, observe
from reconciler.wire.errors import ApiError, Forbidden, Gone, NotFound, TooManyRequests, Unreachable
from reconciler.wire.protocol import Body, Reply, Subresource
from tests.builders import NOON

ORDER = [DASK_JOB, DASK_CLUSTER, DASK_WORKER_GROUP, DASK_AUTOSCALER, POD, POD, SERVICE, SERVICE]


@dataclass
class Lists:
    """An API that only lists: a Pod in each namespace, or an error."""

    errors: dict[tuple[Kind, str | None], ApiError] = field(default_factory=dict)
    payloads: dict[Kind, bytes] = field(default_factory=dict)
    asked: list[tuple[Kind, str | None, str]] = field(default_factory=list)

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        assert not fields
        self.asked.append((kind, namespace, labels))
        if error := self.errors.get((kind, namespace)):
            raise error
        if kind in self.payloads:
            return self.payloads[kind]
        pod = {"metadata": {"name": "p", "namespace": namespace or "default"}}
        return json.dumps({"items": [pod] if kind == POD else []}).encode()

    def create(self, kind: Kind, body: Body) -> Reply:
        raise AssertionError(kind, body)

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        raise AssertionError(key, body, subresource)

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        raise AssertionError(key, body, subresource)

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        raise AssertionError(key, uid, resource_version)


def _pods(observation: Any) -> list[str]:
    return sorted(key.namespace for key in observation.snapshot.objects)


def test_everything_is_listed_once_and_parents_before_their_children() -> None:
    """A snapshot never holds a parent's newer decision without the children made before it."""
    api = Lists()
    observe(api, Scope(), NOON)
    assert [kind for kind, _, _ in api.asked] == ORDER
    assert {namespace for _, namespace, _ in api.asked} == {None}


def test_only_labelled_pods_and_services_are_asked_for() -> None:
    """Other people's Pods are not even transferred."""
    api = Lists()
    observe(api, Scope(), NOON)
    labels = [labels for _, _, labels in api.asked]
    ours, damaged = "dask.org/component", "kubernetes.dask.org/cluster,!dask.org/component"
    assert labels == [""] * 4 + [ours, damaged] * 2


def test_named_namespaces_are_listed_one_by_one() -> None:
    """With names, rights in those namespaces are enough."""
    api = Lists()
    found = observe(api, Scope(("a", "b")), NOON)
    assert {namespace for _, namespace, _ in api.asked} == {"a", "b"}
    assert _pods(found) == ["a", "b"]
    assert found.snapshot.taken_at == NOON


def test_a_namespace_in_which_a_list_fails_is_left_out_whole() -> None:
    """An incomplete picture is no picture: what was listed before the error does not count either."""
    for kind in ORDER:
        api = Lists({(kind, "a"): Forbidden("no rights", status=403)})
        found = observe(api, Scope(("a", "b")), NOON)
        assert _pods(found) == ["b"], kind
        assert list(found.errors) == [f"{kind.plural} in namespace a"]
        assert "no rights" in found.errors[f"{kind.plural} in namespace a"]


def test_a_failed_list_over_all_namespaces_leaves_nothing() -> None:
    """No list, no plan."""
    for error in (Unreachable("refused"), Gone("too old", status=410)):
        found = observe(Lists({(SERVICE, None): error}), Scope(), NOON)
        assert not found.snapshot.objects
        assert list(found.errors) == ["services in all namespaces"]


def test_an_answer_that_is_no_list_is_a_failed_list() -> None:
    """A proxy's error page is not taken for an empty cluster."""
    found = observe(Lists(payloads={DASK_CLUSTER: b"<html>"}), Scope(), NOON)
    assert not found.snapshot.objects
    assert list(found.errors) == ["daskclusters in all namespaces"]


def test_what_cannot_be_read_is_kept_apart_from_what_can() -> None:
    """One bad item costs neither its neighbours nor the list."""
    good = {"metadata": {"name": "good", "namespace": "default"}}
    bad = {"metadata": {"name": "bad", "namespace": "default"}, "status": {"phase": 1}}
    found = observe(Lists(payloads={POD: json.dumps({"items": [bad, good]}).encode()}), Scope(), NOON)
    assert [key.name for key in found.snapshot.objects] == ["good"]
    assert [key.name for key in found.snapshot.unreadable] == ["bad"]
    assert not found.errors


def test_a_failed_list_says_how_long_to_wait() -> None:
    """Of all that failed, the longest wait that the server asks for counts."""
    errors: dict[tuple[Kind, str | None], ApiError] = {
        (POD, "a"): TooManyRequests("slow down", status=429, retry_after_seconds=7),
        (POD, "b"): TooManyRequests("slow down", status=429, retry_after_seconds=30),
        (POD, "c"): Forbidden("no rights", status=403),
    }
    assert observe(Lists(errors), Scope(("a", "b", "c")), NOON).retry_after_seconds == 30
    assert observe(Lists(), Scope(), NOON).retry_after_seconds is None


def test_a_look_at_everything_says_what_it_covers() -> None:
    """Namespaces in which a list failed are not covered; what was known of them stands."""
    found = observe(Lists({(POD, "a"): Forbidden("no rights", status=403)}), Scope(("a", "b")), NOON).coverage
    assert [found.covers(Key(DASK_CLUSTER, name, "x")) for name in ("a", "b", "c")] == [False, True, False]
    everywhere = observe(Lists(), Scope(), NOON).coverage
    assert everywhere.covers(Key(DASK_CLUSTER, "a", "x"))
    nowhere = observe(Lists({(POD, None): Forbidden("no rights", status=403)}), Scope(), NOON).coverage
    assert nowhere.is_empty
    assert not nowhere.covers(Key(DASK_CLUSTER, "a", "x"))
    assert not everywhere.is_empty


def test_the_versions_of_the_lists_are_kept_for_watches() -> None:
    """From the version of a list, by kind and namespace, its changes can be watched."""
    payload = b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"12"},"items":[]}'
    found = observe(Lists(payloads={POD: payload}), Scope(("a", "b")), NOON)
    assert (found.versions[POD, "a"], found.versions[POD, "b"]) == ("12", "12")
    assert observe(Lists(payloads={POD: payload}), Scope(), NOON).versions[POD, None] == "12"


def test_side_by_side_is_seen_what_one_after_the_other_shows() -> None:
    """Threads change how long it takes, not what is seen; no list of children begins before the parents are there."""
    api = Lists({(POD, "b"): Unreachable("refused")})
    with ThreadPoolExecutor(6) as readers:
        found = observe(api, Scope(("a", "b")), NOON, readers)
    alone = observe(Lists({(POD, "b"): Unreachable("refused")}), Scope(("a", "b")), NOON)
    assert replace(found, costs=()) == replace(alone, costs=())
    assert {kind for kind, _, _ in api.asked[:8]} == set(ORDER[:4])
    assert {kind for kind, _, _ in api.asked[8:]} == set(ORDER[4:])


def test_what_has_not_changed_is_shared_with_the_look_before() -> None:
    """Two pictures of one world have the same objects, not equal ones, so that they take the memory of one."""
    item = {"metadata": {"name": "p", "namespace": "a", "uid": "u", "resourceVersion": "7"}}
    api = Lists(payloads={POD: json.dumps({"items": [item]}).encode()})
    before = observe(api, Scope(), NOON).snapshot
    after = observe(api, Scope(), NOON, before=before).snapshot
    assert [one is before.objects[key] for key, one in after.objects.items()] == [True]


BUDGET = {"metadata": {"name": "b", "namespace": "a", "labels": {"kubernetes.dask.org/cluster": "c"}}}
BUDGETS = json.dumps({"items": [BUDGET]}).encode()


def test_budgets_are_listed_where_there_may_be_some_and_their_lack_leaves_out_nothing() -> None:
    """Where there is no right to them, or no such kind, nobody has made any, and nothing is asked again for ever."""
    for error in (Forbidden("no rights", status=403), NotFound("no such kind", status=404)):
        found = observe(Lists({(POD_DISRUPTION_BUDGET, None): error}), Scope(is_first=True), NOON)
        assert (_pods(found), found.errors, found.is_whole) == (["default"], {}, True)


def test_a_list_of_budgets_that_fails_leaves_them_as_they_were() -> None:
    """One that is not seen would be made again, or stay although nobody asks for it any more."""
    lists = Lists(payloads={POD_DISRUPTION_BUDGET: BUDGETS})
    before = observe(lists, Scope(is_first=True), NOON)
    failing = Lists({(POD_DISRUPTION_BUDGET, None): Unreachable("refused")})
    found = observe(failing, Scope(), NOON, before=before.snapshot)
    budgets = [key.name for key in found.snapshot.objects if key.kind == POD_DISRUPTION_BUDGET]
    assert (budgets, before.is_whole, found.is_whole, found.errors) == (["b"], True, False, {})
