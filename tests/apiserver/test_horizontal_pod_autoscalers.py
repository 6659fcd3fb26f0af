"""Kubernetes' HorizontalPodAutoscaler, and KEDA by its means, on groups and clusters, with the manifests of the docs.

Nodes only pretend, and the tests say what Pods use; `scale`, its selector and the autoscaler itself are the real ones.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.apiserver.installing import ROOT
from tests.apiserver.metricsapi import Metrics, served
from tests.apiserver.site import Installation, Site
from tests.apiserver.whole import settles
from tests.manifests import Manifest, cluster, group
from tests.realcluster.eventually import eventually

GROUP = "simple-cluster-highmem-worker-group"
DEFAULT_GROUP = "simple-cluster-default-worker-group"


def documented(kind: str) -> Manifest:
    """The manifest of that kind in docs/autoscaling.md."""
    text = (ROOT / "docs" / "autoscaling.md").read_text()
    bodies = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]
    (found,) = [body for body in bodies if body["kind"] == kind]
    return dict(found)


def made_by_keda(scaled: Manifest) -> Manifest:
    """The HorizontalPodAutoscaler that KEDA makes from a ScaledObject."""
    name, spec = scaled["metadata"]["name"], scaled["spec"]
    (trigger,) = spec["triggers"]
    metric = {
        "name": f"s0-{trigger['type']}",
        "selector": {"matchLabels": {"scaledobject.keda.sh/name": name}},
    }
    target = {"type": trigger["metricType"], "averageValue": trigger["metadata"]["threshold"]}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"keda-hpa-{name}"},
        "spec": {
            "scaleTargetRef": spec["scaleTargetRef"],
            "minReplicas": max(1, spec["minReplicaCount"]),
            "maxReplicas": spec["maxReplicaCount"],
            "metrics": [{"type": "External", "external": {"metric": metric, "target": target}}],
        },
    }


@pytest.fixture(scope="module")
def metrics(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    """An API of metrics, whose numbers the tests say."""
    with served(installed.cluster, tmp_path_factory.mktemp("metrics")) as metrics:
        yield metrics


def pods_of(site: Site, what: str) -> set[str]:
    """The names of those Pods that a target's `scale` selects."""
    selector = site.kubectl("get", what, "--subresource=scale", "--output=jsonpath={.status.selector}")
    assert selector, f"the scale of {what} has no selector"
    found = site.kubectl("get", "pods", f"--selector={selector}", "--output=name")
    return {line.removeprefix("pod/") for line in found.split()}


def owned_by(site: Site, group_name: str) -> set[str]:
    """The names of the Pods that a group owns."""
    return {
        pod["metadata"]["name"]
        for pod in site.every("pods")
        if any(owner["name"] == group_name for owner in pod["metadata"]["ownerReferences"])
    }


def has_workers(site: Site, group_name: str, number: int) -> None:
    """Wait until a group has so many workers."""
    eventually(lambda: len(owned_by(site, group_name)) == number, f"{number} workers of {group_name}")


def conditions(site: Site, hpa: str) -> dict[str, Any]:
    """What an autoscaler says of itself: status and reason by type."""
    found = site.get(f"horizontalpodautoscaler/{hpa}").get("status", {}).get("conditions", ())
    return {one["type"]: (one["status"], one["reason"]) for one in found}


def is_active(site: Site, hpa: str) -> bool:
    """Whether an autoscaler can tell how many there should be, and set it."""
    told = conditions(site, hpa)
    return all(told.get(one, ("",))[0] == "True" for one in ("AbleToScale", "ScalingActive"))


def complaints_of_selectors(site: Site) -> list[str]:
    """What autoscalers have ever said against a selector."""
    told = [
        one["message"] for one in site.every("events") if one["involvedObject"]["kind"] == "HorizontalPodAutoscaler"
    ]
    return [message for message in told if "selector" in message]


def test_a_group_follows_what_its_workers_use(site: Site, metrics: Metrics) -> None:
    """Its own Pods alone are selected, weighed, made and let go, from its first status on."""
    load = 500  # milli-CPUs that the group's workers use together

    def used(selector: str) -> dict[str, int]:
        names = site.kubectl("get", "pods", f"--selector={selector}", "--output=name").split()
        return {name.removeprefix("pod/"): load // len(names) for name in names}

    metrics.cpu = used
    others = (group(f"{GROUP}-2", "simple-cluster"), group("other", "simple-cluster", replicas=2))
    site.apply(cluster("simple-cluster"), group(GROUP, "simple-cluster"), *others)
    assert site.once().returncode == 0
    assert pods_of(site, f"daskworkergroup/{GROUP}") == owned_by(site, GROUP)
    site.apply(documented("HorizontalPodAutoscaler"))
    with site.daemon():
        settles(site)
        before = site.uids("pods")
        eventually(lambda: is_active(site, "highmem"), "an autoscaler that is active")
        load = 3500
        has_workers(site, GROUP, 5)
        settles(site)
        assert site.uids("pods") > before
        assert pods_of(site, f"daskworkergroup/{GROUP}") == owned_by(site, GROUP)
        load = 500
        has_workers(site, GROUP, 1)
        settles(site)
        assert len(site.uids("pods")) == len(before)
        assert is_active(site, "highmem")
    assert complaints_of_selectors(site) == []


def test_keda_scales_a_cluster_from_none_to_some_to_none(site: Site, metrics: Metrics) -> None:
    """KEDA sets 1 and 0 itself; between them its HorizontalPodAutoscaler follows the number that it serves."""
    scaled = documented("ScaledObject")
    hpa = made_by_keda(scaled)
    asked: set[tuple[str, str]] = set()
    desired = 0

    def value(name: str, selector: str) -> int:
        asked.add((name, selector))
        return desired

    metrics.external = value
    target = "daskcluster/simple-cluster"
    site.apply(cluster("simple-cluster", replicas=0), group("other", "simple-cluster"))
    assert site.once().returncode == 0
    assert pods_of(site, target) == set()
    site.apply(hpa)
    with site.daemon():
        name = hpa["metadata"]["name"]
        eventually(lambda: conditions(site, name).get("ScalingActive") == ("False", "ScalingDisabled"), "rest at none")
        desired = 4
        site.kubectl("scale", target, "--replicas=1")
        has_workers(site, DEFAULT_GROUP, 4)
        settles(site)
        assert pods_of(site, target) == owned_by(site, DEFAULT_GROUP)
        assert is_active(site, name)
        desired = 2
        has_workers(site, DEFAULT_GROUP, 2)
        desired = 0
        has_workers(site, DEFAULT_GROUP, 1)
        site.kubectl("scale", target, "--replicas=0")
        has_workers(site, DEFAULT_GROUP, 0)
        settles(site)
        assert len(owned_by(site, "other")) == 1
    assert asked == {("s0-prometheus", "scaledobject.keda.sh/name=simple")}
    assert complaints_of_selectors(site) == []
