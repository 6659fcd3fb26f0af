"""One pass as a command: what it prints and how it ends."""

import json

import yaml

from tests.apiserver.installing import ROOT
from tests.apiserver.site import Site
from tests.apiserver.whole import faults, settles
from tests.manifests import Manifest, cluster, group, job, pod_spec
from tests.realcluster.eventually import eventually


def examples(site: Site) -> list[Manifest]:
    """The manifests of examples/, in the site's namespace."""
    bodies = [yaml.safe_load(file.read_text()) for file in sorted((ROOT / "examples").glob("*.yaml"))]
    for body in bodies:
        body["metadata"]["namespace"] = site.namespace
    return bodies


def test_all_examples_are_made_in_one_go(site: Site) -> None:
    """From the examples alone, one run creates everything, says so and exits with 0; a second has only to wait."""
    site.apply(*examples(site))
    done = site.once()
    assert (done.returncode, done.stderr) == (0, "")
    # Two clusters, a job and a group: 3 schedulers, 6 Services, 3 default groups, 8 workers, a runner, a cluster.
    assert "22 created" in done.stdout, done.stdout
    assert len(site.every("pods")) == 3 + 8 + 1
    with site.daemon():
        settles(site)
    again = site.once()
    assert (again.returncode, again.stderr) == (0, "")
    assert "Nothing to do" in again.stdout


def test_what_the_api_server_refuses_is_named(site: Site) -> None:
    """The exit code is 1, and standard error names the object and gives the API server's words; the rest is made."""
    site.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": {"pods": "3"}}}
    )
    eventually(lambda: "hard" in (site.get("resourcequota/quota").get("status") or {}), "a quota that counts")
    site.apply(cluster(replicas=5))
    done = site.once()
    assert done.returncode == 1
    assert "Could not create Pod" in done.stderr
    assert "exceeded quota: quota" in done.stderr
    assert site.names("services") == ["c-scheduler", "c-service"]
    assert len(site.names("pods")) == 3


def test_an_invalid_template_is_named_and_the_rest_is_made(site: Site) -> None:
    """One run makes the good cluster and says what is wrong with the other, in JSON, too."""
    site.apply(cluster("bad", spec=pod_spec(imagePullPolicy="Sometimes")), cluster("good"), job("j"))
    done = site.once("--output=json")
    assert done.returncode == 1
    assert 'Unsupported value: "Sometimes"' in done.stderr
    (failure,) = json.loads(done.stdout)["failures"]
    assert (failure["kind"], failure["reason"], failure["result"]) == ("Pod", "Invalid", "refused")
    assert failure["name"].startswith("bad-default-worker-group-worker-")
    assert {"good-scheduler", "j-runner"} < set(site.names("pods"))


def test_names_as_long_as_they_may_be(site: Site) -> None:
    """The longest names that the CRDs accept for a cluster, a group and a job give Pods and Services that run."""
    cluster_name, group_name, job_name = "c" * 53, "g" * 235, "j" * 45
    site.apply(cluster(cluster_name), group(group_name, of=cluster_name), job(job_name))
    with site.daemon():
        settles(site)


def test_a_thousand_workers_come_from_one_run(site: Site) -> None:
    """Fifty clusters of twenty workers are made by one run, each Pod by one create."""
    mark = site.audit.from_now()
    site.apply(*(cluster(f"c{number}", replicas=20) for number in range(50)))
    done = site.once()
    assert (done.returncode, done.stderr) == (0, "")
    pods = [write for write in mark.writes(site.namespace) if (write.verb, write.resource) == ("create", "pods")]
    assert len(pods) == len({write.name for write in pods}) == 50 * 21
    assert all(write.done for write in pods)
    # With their cluster 21 Pods are Ready sooner or later; the statuses follow in the next run.
    eventually(lambda: _running(site) == 50 * 21, "Pods that run", deadline_seconds=120)
    assert site.once().returncode == 0
    assert faults(site) == []


def _running(site: Site) -> int:
    running = site.kubectl("get", "pods", "--field-selector=status.phase=Running", "--output=name")
    return len(running.split())
