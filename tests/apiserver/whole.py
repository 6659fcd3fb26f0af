"""What is wrong in a namespace when the daemon has done its work: worked out from the resources alone."""

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.rules.labels import COMPONENT, ORDINAL, SCHEDULER_GATE
from tests.apiserver.site import Site
from tests.realcluster.eventually import eventually

Item = Any
KINDS = "daskjobs,daskclusters,daskworkergroups,daskautoscalers,pods,services"


def settles(*sites: Site, deadline_seconds: float = 120) -> None:
    """Wait until everything that is asked for is there and ready, and nothing else.

    Raises:
        AssertionError: something was wrong to the end; the message lists it.
    """
    found: list[str] = []

    def is_whole() -> bool:
        found[:] = [line for site in sites for line in faults(site)]
        return not found

    try:
        eventually(is_whole, "rest", deadline_seconds=deadline_seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}: {'; '.join(found)}") from None


def faults(site: Site) -> list[str]:
    """What is missing, wrong or too much."""
    return list(_World(site.every(KINDS)).faults())


class _World:
    def __init__(self, items: Iterable[Item]) -> None:
        self.items = list(items)
        self.accounted: set[str] = set()

    def of(self, kind: str, owner: Item | None = None) -> list[Item]:
        uid = owner and owner["metadata"]["uid"]
        return [one for one in self.items if one["kind"] == kind and (uid is None or uid in _owners(one))]

    def faults(self) -> Iterator[str]:
        for job in self.of("DaskJob"):
            yield from self._job(job)
        for cluster in self.of("DaskCluster"):
            yield from self._cluster(cluster)
        for resource in self.of("DaskWorkerGroup"):
            yield from self._group(resource)
        alive = {one["metadata"]["uid"] for one in self.items}
        for one in self.items:
            if set(_owners(one)) - alive:
                yield f"{_name(one)} outlives its owner"
            is_ours = COMPONENT in one["metadata"].get("labels", {}) and one["kind"] in ("Pod", "Service")
            if is_ours and one["metadata"]["uid"] not in self.accounted:
                yield f"{_name(one)} is wanted by nobody"

    def _job(self, job: Item) -> Iterator[str]:
        name = job["metadata"]["name"]
        yield from _same(f"{name}'s cluster", [f"{name}-cluster"], self.of("DaskCluster", job))
        runners = self._taken(self.of("Pod", job))
        yield from _same(f"{name}'s runner", [f"{name}-runner"], runners)
        for runner in runners:
            if SCHEDULER_GATE in [gate["name"] for gate in runner["spec"].get("schedulingGates", ())]:
                yield f"{name}'s runner is still held back"
            yield from _pod(runner, job["spec"]["job"]["spec"])
        yield from _ready(job)

    def _cluster(self, cluster: Item) -> Iterator[str]:
        name, scheduler = cluster["metadata"]["name"], cluster["spec"]["scheduler"]
        pods = self._taken(self.of("Pod", cluster))
        yield from _same(f"{name}'s scheduler", [f"{name}-scheduler"], pods)
        for pod in pods:
            yield from _pod(pod, scheduler["spec"])
        services = self._taken(self.of("Service", cluster))
        yield from _same(f"{name}'s Services", [f"{name}-scheduler", f"{name}-service"], services)
        groups = [one["metadata"]["name"] for one in self.of("DaskWorkerGroup", cluster)]
        if groups.count(f"{name}-default-worker-group") != 1:
            yield f"{name} has the groups {groups}"
        yield from _ready(cluster)

    def _group(self, group: Item) -> Iterator[str]:
        name, wanted = group["metadata"]["name"], group["spec"]["worker"]
        if not _owners(group):
            yield f"{name} is not its cluster's"
        pods = self._taken(self.of("Pod", group))
        if len(pods) != wanted.get("replicas", 1):
            yield f"{name} has {len(pods)} workers and wants {wanted.get('replicas', 1)}"
        ordinals = [pod["metadata"]["annotations"][ORDINAL] for pod in pods]
        if len(set(ordinals)) < len(ordinals):
            yield f"{name} has workers of the same number: {ordinals}"
        for pod in pods:
            yield from _pod(pod, wanted["spec"])
        yield from _ready(group)

    def _taken(self, found: list[Item]) -> list[Item]:
        self.accounted |= {one["metadata"]["uid"] for one in found}
        return found


def _same(what: str, wanted: list[str], found: list[Item]) -> Iterator[str]:
    names = sorted(one["metadata"]["name"] for one in found)
    if names != wanted:
        yield f"{what}: {names} instead of {wanted}"


def _pod(pod: Item, template: Item) -> Iterator[str]:
    if "deletionTimestamp" in pod["metadata"] or pod["status"].get("phase") != "Running":
        yield f"{_name(pod)} is not running"
    images = [[one["image"] for one in spec["containers"]] for spec in (pod["spec"], template)]
    if images[0] != images[1]:
        yield f"{_name(pod)} has the images {images[0]} instead of {images[1]}"


def _ready(resource: Item) -> Iterator[str]:
    """Whether the resource's own status agrees that it is, for its present spec."""
    conditions = {one["type"]: one for one in resource.get("status", {}).get("conditions", ())}
    ready = conditions.get("Ready", {})
    if ready.get("status") != "True" or ready.get("observedGeneration") != resource["metadata"]["generation"]:
        yield f"{_name(resource)} says {ready.get('reason')}: {ready.get('message')}"


def _owners(one: Item) -> list[str]:
    return [reference["uid"] for reference in one["metadata"].get("ownerReferences", ())]


def _name(one: Item) -> str:
    return f"{one['kind']} {one['metadata']['name']}"
