"""What the world must look like when nothing happens any more: worked out from the resources alone."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key
from reconciler.rules.labels import (
    CLUSTER,
    CLUSTER_NAME,
    COMPONENT,
    ISTIO,
    NAMING,
    REPLICAS_HANDED_DOWN,
    ROLE,
    SCHEDULER_GATE,
    WORKER_GROUP_NAME,
    Role,
)
from reconciler.wire.protocol import Body
from tests.simulation.watch import bounds_of, is_abandoned, is_expired
from tests.simulation.webhooks import THEIRS
from tests.simulation.world import World, is_ready, key_of

OUTCOMES = ("Successful", "Failed")
SERVICES = {
    "classic": {"service": "{}-service", "comm-service": "{}-scheduler"},
    "current": {"service": "{}-scheduler"},
}
GROUP_NAMES = {"classic": "{}-default-worker-group", "current": "{}-default"}
CLUSTER_NAMES = {"classic": "{}-cluster", "current": "{}"}


def check_at_rest(world: World) -> None:
    """Everything that the resources ask for is there, and nothing else that is the reconciler's."""
    wanted: set[Key] = set()
    for job in world.api.objects(DASK_JOB):
        wanted |= _check_job(world, job)
    for cluster in world.api.objects(DASK_CLUSTER):
        wanted |= _check_cluster(world, cluster)
    for group in world.api.objects(DASK_WORKER_GROUP):
        wanted |= _check_group(world, group)
    for autoscaler in world.api.objects(DASK_AUTOSCALER):
        _check_adopted(world, autoscaler)
    ours = [body for kind in (POD, SERVICE, DASK_CLUSTER, DASK_WORKER_GROUP) for body in world.api.objects(kind)]
    left = {key_of(body) for body in ours if ROLE in body["metadata"].get("annotations", {})} - wanted
    assert not left, f"nobody wants {sorted(map(str, left))}; {world.describe()}"


def _check_job(world: World, job: Body) -> set[Key]:
    meta, naming = job["metadata"], _naming(job)
    runners = _children(job, Role.JOB_RUNNER, world.pods(live=False))
    clusters = _children(job, Role.JOB_CLUSTER, world.api.objects(DASK_CLUSTER))
    assert len(runners) <= 1, f"{meta['name']} has several runners; {world.describe()}"
    wanted = {key_of(one) for one in (*runners, *clusters)}
    if job["status"]["jobStatus"] in OUTCOMES:
        assert not clusters or world.settings.no_delete, f"{meta['name']} is over and keeps its cluster"
        assert job["status"]["startTime"] <= job["status"]["endTime"]
        return wanted
    assert [one["metadata"]["name"] for one in clusters] == [CLUSTER_NAMES[naming].format(meta["name"])]
    assert len(runners) == 1, f"{meta['name']} has no runner; {world.describe()}"
    gates = [gate["name"] for gate in runners[0]["spec"].get("schedulingGates", ())]
    assert SCHEDULER_GATE not in gates, f"{meta['name']}'s runner is still gated; {world.describe()}"
    address = f"tcp://{clusters[0]['metadata']['name']}-scheduler.{meta['namespace']}.svc:"
    assert _env(runners[0])["DASK_SCHEDULER_ADDRESS"].startswith(address)
    _check_handed_down(job["spec"]["cluster"]["spec"], clusters[0]["spec"], clusters[0])
    return wanted


def _check_cluster(world: World, cluster: Body) -> set[Key]:
    meta, naming, scheduler = cluster["metadata"], _naming(cluster), cluster["spec"]["scheduler"]
    assert not is_abandoned(cluster, world.clock()), f"{meta['name']} outlives its owner: {meta}"
    assert not is_expired(cluster, world.clock()), f"{meta['name']} is older than it may become: {meta}"
    _check_idle(world, cluster)
    pods = _children(cluster, Role.SCHEDULER, world.pods(live=False))
    assert len(pods) == 1, f"{meta['name']} has {len(pods)} schedulers; {world.describe()}"
    assert is_ready(pods[0]), f"{meta['name']}'s scheduler is not ready; {world.describe()}"
    if scheduler.get("updateStrategy", {}).get("type") != "OnDelete":
        assert _image(pods[0]["spec"]) == _image(scheduler["spec"])
    _check_labels(pods[0], {CLUSTER_NAME: meta["name"], COMPONENT: "scheduler"}, meta, scheduler)

    services = _children(cluster, None, world.api.objects(SERVICE))
    expected = {role: name.format(meta["name"]) for role, name in SERVICES[naming].items()}
    assert {one["metadata"]["annotations"][ROLE]: one["metadata"]["name"] for one in services} == expected
    for service in services:
        _check_service(cluster, service)

    groups = _children(cluster, Role.DEFAULT_GROUP, world.api.objects(DASK_WORKER_GROUP))
    assert [one["metadata"]["name"] for one in groups] == [GROUP_NAMES[naming].format(meta["name"])]
    _check_handed_down(cluster["spec"], groups[0]["spec"], groups[0])
    assert cluster["status"]["phase"] == "Running", cluster["status"]
    return {key_of(one) for one in (*pods, *services, *groups)}


def _check_idle(world: World, cluster: Body) -> None:
    """One that is idle for longer than it may be has gone, or has no workers."""
    meta, spec = cluster["metadata"], cluster["spec"]
    since, timeout = world.dask.idle_since(meta["namespace"], meta["name"]), spec.get("idleTimeout", 0)
    is_jobs, is_awake = bool(meta.get("ownerReferences")), not world.settings.no_dask
    if not (timeout and since and is_awake) or is_jobs or world.clock() < since + timedelta(seconds=1.1 * timeout + 60):
        return
    assert spec.get("idle", {}).get("action") == "ScaleToZero", f"{meta['name']} is idle since {since}, and still there"
    groups = [one for one in world.api.objects(DASK_WORKER_GROUP) if one["spec"]["cluster"] == meta["name"]]
    awake = [
        one["metadata"]["name"]
        for one in groups
        if one["metadata"]["namespace"] == meta["namespace"]
        and one["spec"]["worker"]["replicas"]
        and not world.api.objects(DASK_AUTOSCALER)
    ]
    assert not awake, f"{meta['name']} is idle since {since}, and has workers in {awake}"


def _check_service(cluster: Body, service: Body) -> None:
    meta, spec, asked = cluster["metadata"], service["spec"], cluster["spec"]["scheduler"].get("service", {})
    assert spec["selector"] == {
        **asked.get("selector", {}),
        CLUSTER_NAME: meta["name"],
        COMPONENT: "scheduler",
    }, f"{service['metadata']['name']} selects {spec['selector']}"
    is_users = service["metadata"]["annotations"][ROLE] == Role.USER_SERVICE
    assert spec["type"] == (asked.get("type", "ClusterIP") if is_users else "ClusterIP")
    ports = [(port["name"], port["port"]) for port in spec["ports"]]
    default = [("tcp-comm", 8786), ("http-dashboard", 8787)]
    assert ports == ([(port["name"], port["port"]) for port in asked.get("ports", ())] or default)
    labels = service["metadata"]["labels"]
    assert labels[CLUSTER] == meta["name"]
    assert labels[COMPONENT] == ("scheduler" if is_users else "scheduler-comm")
    assert is_users == (CLUSTER_NAME in labels) or service["metadata"]["name"] != meta["name"]


def _check_group(world: World, group: Body) -> set[Key]:
    meta, spec = group["metadata"], group["spec"]["worker"]
    cluster = world.api.get(Key(DASK_CLUSTER, meta["namespace"], group["spec"]["cluster"]))
    pods = _children(group, Role.WORKER, world.pods(live=False))
    if cluster is None:
        assert not pods
        assert world.condition(key_of(group), "Ready")[:2] == ("False", "ClusterNotFound")
        return set()
    _check_adopted(world, group)
    bounds = bounds_of(world.api, group)
    if bounds is not None:
        assert bounds[0] <= spec["replicas"] <= bounds[1], f"{meta['name']} has {spec['replicas']}, not within {bounds}"
    assert len(pods) == spec.get("replicas", 1), (
        f"{meta['name']}: {len(pods)} of {spec['replicas']}; {world.describe()}"
    )
    assert all(map(is_ready, pods)), f"{meta['name']} has workers that are not ready; {world.describe()}"
    if spec.get("updateStrategy", {}).get("type") != "OnDelete":
        assert {_image(pod["spec"]) for pod in pods} <= {_image(spec["spec"])}, f"{meta['name']} is not rolled out"
    port = next((port["port"] for port in _ports(cluster) if port["name"] == "tcp-comm"), 8786)
    address = f"tcp://{cluster['metadata']['name']}-scheduler.{meta['namespace']}.svc:{port}"
    for pod in pods:
        own = {CLUSTER_NAME: cluster["metadata"]["name"], COMPONENT: "worker", WORKER_GROUP_NAME: meta["name"]}
        _check_labels(pod, own, cluster["metadata"], group, spec)
        env = _env(pod)
        assert list(env)[:2] == ["DASK_WORKER_NAME", "DASK_SCHEDULER_ADDRESS"]
        assert env["DASK_WORKER_NAME"] == pod["metadata"]["name"]
        if spec.get("updateStrategy", {}).get("type") != "OnDelete":
            assert env["DASK_SCHEDULER_ADDRESS"] == address
    status = group["status"]
    assert (status["replicas"], status["readyReplicas"]) == (len(pods), len(pods)), status
    return {key_of(pod) for pod in pods}


def _check_adopted(world: World, resource: Body) -> None:
    cluster = world.api.get(Key(DASK_CLUSTER, resource["metadata"]["namespace"], resource["spec"]["cluster"]))
    owners = {owner["uid"] for owner in resource["metadata"].get("ownerReferences", ())}
    assert cluster is None or cluster["metadata"]["uid"] in owners, f"{resource['metadata']['name']} is not adopted"


def _check_handed_down(parent: Body, child: Body, body: Body) -> None:
    """The child has its parent's spec but for the number of replicas, whose last value is remembered."""
    assert body["metadata"]["annotations"][REPLICAS_HANDED_DOWN] == str(parent["worker"].get("replicas", 1))
    assert _without_replicas(parent["worker"]) == _without_replicas(child["worker"])


def _check_labels(pod: Body, ours: dict[str, str], *sources: Body) -> None:
    """The users' labels flow down, the later source winning, and ours always win."""
    wanted = {ISTIO: "false"}
    for source in sources:
        wanted |= source.get("metadata", source).get("labels") or {}
    wanted = {name: value for name, value in wanted.items() if not name.startswith("dask.org/")}
    wanted |= {**ours, CLUSTER: ours[CLUSTER_NAME]}
    labels = {name: value for name, value in pod["metadata"]["labels"].items() if name != THEIRS}
    assert labels == wanted, f"{pod['metadata']['name']} is labelled {labels} instead of {wanted}"


def _children(owner: Body, role: str | None, bodies: Iterable[Body]) -> list[Body]:
    uid = owner["metadata"]["uid"]
    return [
        body
        for body in bodies
        if uid in [reference["uid"] for reference in body["metadata"].get("ownerReferences", ())]
        and role in (None, body["metadata"].get("annotations", {}).get(ROLE))
    ]


def _ports(cluster: Body) -> list[Any]:
    ports: list[Any] = cluster["spec"]["scheduler"].get("service", {}).get("ports", [])
    return ports


def _naming(body: Body) -> str:
    naming: str = body["metadata"]["annotations"][NAMING]
    return naming


def _env(pod: Body) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in pod["spec"]["containers"][0]["env"]}


def _image(spec: Body) -> str:
    image: str = spec["containers"][0]["image"]
    return image


def _without_replicas(worker: Body) -> Body:
    return {name: value for name, value in worker.items() if name != "replicas"}
