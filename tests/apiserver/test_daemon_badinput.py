"""One bad resource never delays another, its owner sees why, and putting it right is enough."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.apiserver.badinput import BAD, GOOD, Bad
from tests.apiserver.site import Installation, Site
from tests.apiserver.whole import faults, settles
from tests.cli.daemon import Daemon, running
from tests.manifests import cluster
from tests.realcluster.eventually import eventually


@dataclass(frozen=True)
class Seen:
    """What was seen of something bad before it was put right, and what was wrong after that.

    Attributes:
        condition: the one that tells of it.
        warnings: the Events: whose, reason and message.
        neighbour: what was wrong with the good cluster beside it.
        metrics: all that was served.
        faults: what was wrong in its namespace in the end.
        after: the condition then.
    """

    condition: Any
    warnings: list[tuple[str, str, str]]
    neighbour: Any
    metrics: str
    faults: list[str]
    after: Any


@pytest.fixture(scope="module")
def seen(installed: Installation) -> Iterator[Mapping[str, Seen]]:
    """All that is bad at once, each in its namespace, under one daemon; then all put right."""
    sites = {bad.name: Site(installed, installed.cluster.create_namespace()) for bad in BAD}
    for bad in BAD:
        bad.before(sites[bad.name])
        sites[bad.name].apply(*bad.bodies, *([cluster(GOOD)] if bad.neighbour else []))
    namespaces = ",".join(site.namespace for site in sites.values())
    with running([f"--kubeconfig={installed.kubeconfig}", f"--namespaces={namespaces}", "--interval=500ms"]) as daemon:
        before = {bad.name: _seen(bad, sites[bad.name], daemon) for bad in BAD}
        for bad in BAD:
            bad.remedy(sites[bad.name])
        yield {bad.name: _after(bad, sites[bad.name], before[bad.name]) for bad in BAD}
    for site in sites.values():
        installed.cluster.delete_namespace(site.namespace)


def _seen(bad: Bad, site: Site, daemon: Daemon) -> Seen:
    def has_told() -> bool:
        return bad.words in site.condition(bad.about, bad.condition).get("message", "")

    def neighbour_is_up() -> bool:
        return not bad.neighbour or site.condition(f"daskcluster/{GOOD}", "Ready").get("status") == "True"

    _try(lambda: eventually(lambda: has_told() and neighbour_is_up(), "that it is told"))
    metrics = daemon.asked("/metrics")[1]
    condition, neighbour = (
        site.condition(*each) for each in ((bad.about, bad.condition), (f"daskcluster/{GOOD}", "Ready"))
    )
    return Seen(condition, site.warnings(), neighbour, metrics, [], {})


def _after(bad: Bad, site: Site, before: Seen) -> Seen:
    _try(lambda: settles(site, deadline_seconds=30))
    after = site.condition(bad.about, bad.condition)
    return Seen(before.condition, before.warnings, before.neighbour, before.metrics, faults(site), after)


def _try(waiting: Any) -> None:
    """The tests say what did not come in time; one must not keep the others from being seen."""
    try:
        waiting()
    except AssertionError as error:
        print(error)


bads = pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)


@bads
def test_its_owner_is_told_in_a_condition(seen: Mapping[str, Seen], bad: Bad) -> None:
    """The condition has the API server's own words and a reason that programs can read."""
    condition = seen[bad.name].condition
    assert bad.words in condition.get("message", ""), condition
    assert condition["reason"] == bad.reason
    assert condition["status"] == ("True" if bad.reason == "UnknownField" else "False")


@bads
def test_its_owner_is_told_in_an_event(seen: Mapping[str, Seen], bad: Bad) -> None:
    """A warning Event on the resource says the same; none is repeated from pass to pass."""
    told = [event for event in seen[bad.name].warnings if event[1] == bad.event]
    assert bad.about in {about.lower() for about, _, _ in told}, told
    assert len(told) == len(set(told))
    assert all(bad.words in message for _, _, message in told)


@bads
def test_the_one_on_call_is_told_in_a_metric(seen: Mapping[str, Seen], bad: Bad) -> None:
    """A series counts it, by what is refused and why."""
    values = [
        line.split()[-1] for line in seen[bad.name].metrics.splitlines() if bad.metric and line.startswith(bad.metric)
    ]
    assert not bad.metric or (values and float(values[0]) > 0), seen[bad.name].metrics


@bads
def test_a_good_cluster_beside_it_comes_up(seen: Mapping[str, Seen], bad: Bad) -> None:
    """The cluster in the same namespace is Ready meanwhile."""
    assert not bad.neighbour or seen[bad.name].neighbour.get("status") == "True"


@bads
def test_it_comes_up_when_it_is_put_right(seen: Mapping[str, Seen], bad: Bad) -> None:
    """After the remedy everything that was asked for is there, and the condition has gone back."""
    assert seen[bad.name].faults == []
    assert bad.words not in seen[bad.name].after["message"]
