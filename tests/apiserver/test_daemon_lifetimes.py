"""Clusters whose owners give signs of life, on a real API server with its clock and its garbage collector."""

from datetime import UTC, datetime

import pytest

from models.base import wire_time
from reconciler.rules.labels import OWNER_SEEN, OWNER_TIMEOUT_SECONDS
from tests.apiserver.site import Site
from tests.apiserver.whole import settles
from tests.manifests import Manifest, cluster
from tests.realcluster.eventually import eventually

EVERYTHING = "daskclusters,daskworkergroups,pods,services"


def owned(name: str, timeout_seconds: int) -> Manifest:
    """A cluster whose owner is here now."""
    annotations = {OWNER_SEEN: wire_time(datetime.now(UTC)), OWNER_TIMEOUT_SECONDS: str(timeout_seconds)}
    body = cluster(name, replicas=2)
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}


def clusters_of(site: Site) -> set[str]:
    """Which clusters anything belongs to, by the names' first part."""
    return {one["metadata"]["name"].partition("-")[0] for one in site.every(EVERYTHING)}


def test_a_cluster_goes_with_all_it_has_when_its_owner_is_gone(site: Site) -> None:
    """The daemon's rights suffice; one whose owner is alive stays whole, and an Event says what became of the other."""
    site.apply(owned("alive", 3600), owned("gone", 15))
    with site.daemon():
        settles(site)
        assert clusters_of(site) == {"alive", "gone"}
        before = site.uids(EVERYTHING)
        eventually(lambda: clusters_of(site) == {"alive"}, "the end of a cluster", deadline_seconds=90)
        settles(site)
    assert site.uids(EVERYTHING) < before
    (event,) = [one for one in site.every("events") if one["reason"] == "OwnerGone"]
    assert (event["involvedObject"]["name"], event["type"]) == ("gone", "Normal")
    assert site.warnings() == []


def lives_for(site: Site, seconds: float) -> None:
    """The owner of the cluster `alive` gives signs of life for so long."""
    begun = datetime.now(UTC)

    def is_late() -> bool:
        seen = datetime.now(UTC)
        site.patch("daskcluster/alive", {"metadata": {"annotations": {OWNER_SEEN: wire_time(seen)}}})
        return (seen - begun).total_seconds() > seconds

    eventually(is_late, f"{seconds} s")


def test_signs_of_life_keep_a_cluster_and_are_nothing_to_write_about(site: Site) -> None:
    """Well past its first limit it is there, and the audit log has no write of the daemon's in between."""
    site.apply(owned("alive", 10))
    with site.daemon():
        settles(site)
        lives_for(site, 5)  # until the last status is written
        mark = site.audit.from_now()
        lives_for(site, 12)
        assert mark.writes(site.namespace) == []
        assert clusters_of(site) == {"alive"}


@pytest.mark.parametrize("value", ["soon", "0"])
def test_an_annotation_that_cannot_be_read_is_told(site: Site, value: str) -> None:
    """As a condition and a warning, with what to write instead."""
    body = owned("odd", 1)
    body["metadata"]["annotations"][OWNER_TIMEOUT_SECONDS] = value
    site.apply(body)
    with site.daemon():
        settles(site)
    condition = site.condition("daskcluster/odd", "Accepted")
    assert (condition["status"], condition["reason"]) == ("True", "InvalidAnnotation")
    assert f'{OWNER_TIMEOUT_SECONDS} is "{value}"; it must be a whole number of seconds' in condition["message"]
    assert [reason for _, reason, _ in site.warnings()] == ["InvalidAnnotation"]
