"""A dry run shows everything and writes nothing."""

import json

from tests.apiserver.site import Site
from tests.apiserver.whole import settles
from tests.manifests import cluster, group, job


def test_a_dry_run_writes_nothing(site: Site) -> None:
    """The audit log has no write of a dry run, and does have those of the real one."""
    site.apply(cluster(replicas=2), group(replicas=1), job())
    mark = site.audit.from_now()
    rehearsed = site.once("--dry-run")
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert mark.writes(site.namespace) == []
    done = site.once()
    assert done.returncode == 0, done.stderr
    assert {write.resource for write in mark.writes(site.namespace)} >= {"pods", "services", "daskclusters", "events"}


def test_a_dry_run_shows_all_levels(site: Site) -> None:
    """From a job alone the plan goes down to its workers, as a table and as JSON; what is done then is the same."""
    site.apply(job(replicas=2))
    table = site.once("--dry-run").stdout
    names = ("j-cluster", "j-runner", "j-cluster-scheduler", "j-cluster-service", "j-cluster-default-worker-group")
    assert [name for name in names if name not in table] == []
    planned = json.loads(site.once("--dry-run", "--output=json").stdout)
    creates = [action for action in planned["actions"] if action["action"] == "create"]
    assert planned["dryRun"] is True
    assert len([action for action in creates if "-worker-" in action["name"] and action["kind"] == "Pod"]) == 2
    done = json.loads(site.once("--output=json").stdout)
    assert done["dryRun"] is False
    assert _created(done) >= {_who(action) for action in creates if "-worker-" not in action["name"]}


def test_the_exit_code_tells_whether_something_is_pending(site: Site) -> None:
    """With --exit-code a plan with changes is 2, and one without is 0."""
    site.apply(cluster())
    assert site.once("--dry-run", "--exit-code").returncode == 2
    assert site.once("--dry-run").returncode == 0
    with site.daemon():
        settles(site)
    rested = site.once("--dry-run", "--exit-code")
    assert rested.returncode == 0, rested.stdout
    assert "Nothing to do" in rested.stdout


def test_a_dry_running_daemon_writes_nothing(site: Site) -> None:
    """Passes on the interval are rehearsed, too."""
    site.apply(cluster())
    mark = site.audit.from_now()
    with site.daemon("--dry-run") as daemon:
        assert daemon.event("pass.planned")["create"] >= 5
        daemon.asked("/metrics")
    assert mark.writes(site.namespace) == []


def _created(document: dict[str, list[dict[str, str]]]) -> set[tuple[str, str]]:
    return {_who(action) for action in document["actions"] if action["action"] == "create"}


def _who(action: dict[str, str]) -> tuple[str, str]:
    return action["kind"], action["name"]
