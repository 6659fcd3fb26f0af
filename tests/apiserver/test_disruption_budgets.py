"""PodDisruptionBudgets as Kubernetes' own disruption controller and its eviction API read them."""

import json
import time

import pytest

from tests.apiserver.site import Site
from tests.apiserver.whole import settles
from tests.manifests import cluster, pod_spec
from tests.realcluster import ClusterError
from tests.realcluster.eventually import eventually

CLUSTER, GROUP = "c", "c-default-worker-group"
SCHEDULER = "c-scheduler"
COUNTS = ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed")


def counts(site: Site, budget: str) -> tuple[int, ...]:
    """What the disruption controller has counted: Pods expected, wanted, healthy, and how many may go."""
    status = (site.get(f"poddisruptionbudget/{budget}") or {}).get("status", {})
    return tuple(status.get(name, -1) for name in COUNTS)


def looked_at(site: Site, budget: str) -> tuple[int, ...]:
    """The same, when the controller has looked once more: new kinds it knows after half a minute, and waits longer."""
    site.kubectl("annotate", "--overwrite", f"poddisruptionbudget/{budget}", f"looked-at={time.time()}")
    time.sleep(1)
    return counts(site, budget)


def evict(site: Site, pod: str) -> str:
    """Evict a Pod, as a drain does; the refusal if it is refused, else nothing."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": site.namespace}}
    path = f"/api/v1/namespaces/{site.namespace}/pods/{pod}/eviction"
    try:
        site.cluster.kubectl("create", "--raw", path, "--filename=-", stdin=json.dumps(body))
    except ClusterError as error:
        return str(error)
    return ""


def of_group(site: Site) -> set[str]:
    return {name for name in site.names("pods") if name.startswith(GROUP)}


def test_drains_leave_alone_what_budgets_ask_for_and_take_the_rest(site: Site) -> None:
    """A scheduler is counted by its Pods and not by its cluster's scale, workers by their group's."""
    one = cluster(CLUSTER, replicas=3)
    one["spec"]["scheduler"]["disruptionBudget"] = {}
    one["spec"]["worker"]["disruptionBudget"] = {"maxUnavailable": "10%"}
    site.apply(one)
    with site.daemon():
        settles(site)
        eventually(lambda: counts(site, SCHEDULER) == (1, 1, 1, 0), "a scheduler that may not go")
        eventually(lambda: looked_at(site, GROUP) == (3, 2, 3, 1), "a worker that may go", deadline_seconds=90)
        assert "violate the pod's disruption budget" in evict(site, SCHEDULER)
        before = of_group(site)
        assert evict(site, min(before)) == ""
        eventually(lambda: len(of_group(site) - before) == 1, "another worker in place of the evicted one")
        settles(site)
        losses = site.get(f"daskworkergroup/{GROUP}")["status"]["decisions"].get("failures")
        assert losses is None
        scheduler = site.get(f"pod/{SCHEDULER}")["metadata"]["uid"]
        site.patch(f"daskcluster/{CLUSTER}", {"spec": {"scheduler": {"disruptionBudget": None}}})
        eventually(lambda: site.names("poddisruptionbudgets") == [GROUP], "the end of the scheduler's budget")
        assert site.get(f"pod/{SCHEDULER}")["metadata"]["uid"] == scheduler
        assert evict(site, SCHEDULER) == ""
        settles(site)
        assert site.get(f"pod/{SCHEDULER}")["metadata"]["uid"] != scheduler


@pytest.mark.parametrize(
    ("part", "budget", "words"),
    [
        ("scheduler", {"maxUnavailable": 1}, "write minAvailable: 1"),
        ("scheduler", {"minAvailable": 2}, "less than or equal to 1"),
        ("worker", {}, "needs minAvailable or maxUnavailable"),
        ("worker", {"maxUnavailable": "0%"}, "wait for ever"),
        ("worker", {"minAvailable": "100%"}, "wait for ever"),
    ],
)
def test_a_budget_that_cannot_be_right_is_refused(site: Site, part: str, budget: dict[str, object], words: str) -> None:
    """With the remedy."""
    one = cluster(CLUSTER)
    one["spec"][part]["disruptionBudget"] = budget
    with pytest.raises(ClusterError, match=words):
        site.apply(one)


def test_without_the_right_to_budgets_only_these_are_missing_and_that_is_said(site: Site) -> None:
    """What was installed before, and has no such right, goes on with all else."""
    body = site.cluster.kubectl("get", "clusterrole/dask-reconciler", "--output=json")
    limited = site.with_rights([rule for rule in json.loads(body)["rules"] if rule["apiGroups"] != ["policy"]])
    one = cluster(CLUSTER, replicas=1)
    one["spec"]["scheduler"] |= {"spec": pod_spec(), "disruptionBudget": {}}
    site.apply(one)
    with limited.daemon():
        eventually(
            lambda: site.condition(f"daskcluster/{CLUSTER}", "Accepted").get("reason") == "Forbidden", "a word about it"
        )
        settles(site)
        assert "poddisruptionbudgets" in site.condition(f"daskcluster/{CLUSTER}", "Accepted")["message"]
    assert site.names("poddisruptionbudgets") == []
