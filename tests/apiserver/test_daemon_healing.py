"""What people do to children by hand is put right, what they edit in a resource flows down, what they delete goes."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.apiserver.site import Site
from tests.apiserver.whole import settles
from tests.manifests import Manifest, cluster, group, job
from tests.realcluster.eventually import eventually

DEFAULT = "daskworkergroup/c-default-worker-group"
OF_CLUSTER = ("pod/c-scheduler", "service/c-service", "service/c-scheduler", DEFAULT)
OF_JOB = ("pod/j-runner", "daskcluster/j-cluster")
EVERYTHING = "daskjobs,daskclusters,daskworkergroups,daskautoscalers,pods,services"


@pytest.fixture
def kept(site: Site) -> Iterator[Site]:
    """A site with a cluster of two workers, kept by a daemon."""
    site.apply(cluster(replicas=2))
    with site.daemon():
        settles(site)
        yield site


def is_another(site: Site, what: str, uid: str) -> bool:
    """Whether an object of that name is there, and is not the one with that uid."""
    found = site.get(what)
    return found is not None and found["metadata"]["uid"] != uid


def worker_count(site: Site) -> int:
    return len([name for name in site.names("pods") if "-worker-" in name])


def with_service(service: Manifest, **worker: Any) -> Manifest:
    body = cluster(replicas=2, **worker)
    body["spec"]["scheduler"]["service"] = service
    return body


def test_every_child_that_is_deleted_comes_back(kept: Site) -> None:
    """Pods, Services and the default group are made anew, with owners, when someone deletes them."""
    kept.apply(job("j"))
    settles(kept)
    for what in OF_CLUSTER + OF_JOB:
        uid = kept.get(what)["metadata"]["uid"]
        kept.kubectl("delete", what, "--wait=false")
        eventually(partial(is_another, kept, what, uid), f"another {what}")
    settles(kept)
    workers = {pod["metadata"]["name"] for pod in kept.every("pods") if "-worker-" in pod["metadata"]["name"]}
    kept.kubectl("delete", "pods", "--wait=false", *workers)
    settles(kept)
    assert workers.isdisjoint(kept.names("pods")), "a worker's name was used again"


@pytest.mark.parametrize(
    "edit",
    [
        {"spec": {"selector": {"dask.org/component": "worker"}}},
        {"spec": {"selector": {"extra": "key"}}},
        {"spec": {"ports": [{"name": "tcp-comm", "port": 9999}]}},
        {"spec": {"type": "NodePort"}},
        {"metadata": {"labels": {"dask.org/component": "worker"}}},
    ],
    ids=str,
)
def test_a_service_edited_by_hand_is_put_right(kept: Site, edit: Manifest) -> None:
    """Selector, ports, type and labels of a Service are the cluster's, whatever is written into it."""
    before = kept.get("service/c-service")
    kept.patch("service/c-service", edit)

    def is_right() -> bool:
        now = kept.get("service/c-service")
        ports = [{**port, "nodePort": None} for port in now["spec"]["ports"]]
        wanted = [{**port, "nodePort": None} for port in before["spec"]["ports"]]
        same = all(now["spec"][name] == before["spec"][name] for name in ("selector", "type", "clusterIP"))
        return same and ports == wanted and now["metadata"]["labels"] == before["metadata"]["labels"]

    eventually(is_right, "the Service as it was")
    assert kept.get("service/c-service")["metadata"]["uid"] == before["metadata"]["uid"]


def test_labels_and_annotations_flow_down_in_place(kept: Site) -> None:
    """An edited label or annotation reaches Pods and Services, and goes again, without restarting anything.

    Annotations that ask for a load balancer or a DNS name concern one Service, so the other has none.
    """
    uids = kept.uids("pods,services")
    kept.patch("daskcluster/c", {"metadata": {"labels": {"team": "one"}, "annotations": {"example.org/note": "hello"}}})

    def flowed(team: str | None, note: str | None) -> bool:
        every = {(one["kind"], one["metadata"]["name"]): one["metadata"] for one in kept.every("pods,services")}
        plain = every.pop(("Service", "c-scheduler"))
        found = {(one["labels"].get("team"), one["annotations"].get("example.org/note")) for one in every.values()}
        return (
            found == {(team, note)}
            and plain["labels"].get("team") == team
            and "example.org/note" not in plain["annotations"]
        )

    eventually(lambda: flowed("one", "hello"), "the label and the annotation")
    kept.patch("daskcluster/c", {"metadata": {"labels": {"team": "two"}, "annotations": {"example.org/note": None}}})
    eventually(lambda: flowed("two", None), "the other label")
    settles(kept)
    assert kept.uids("pods,services") == uids


def test_what_others_add_to_children_stays(kept: Site) -> None:
    """A label or annotation that a person or another program puts on a child is not taken away."""
    theirs = {"metadata": {"labels": {"theirs": "yes"}, "annotations": {"example.org/theirs": "yes"}}}
    for what in OF_CLUSTER:
        kept.patch(what, theirs)
    kept.patch("daskcluster/c", {"metadata": {"labels": {"team": "one"}}})
    eventually(lambda: all("team" in one["metadata"]["labels"] for one in kept.every("pods,services")), "our label")
    settles(kept)
    for what in OF_CLUSTER:
        found = kept.get(what)["metadata"]
        assert (found["labels"]["theirs"], found["annotations"]["example.org/theirs"]) == ("yes", "yes"), what


def test_the_type_of_a_service_can_be_edited_there_and_back(kept: Site) -> None:
    """ClusterIP to NodePort to ClusterIP, in place: the same address, the node ports gone, no Pod restarted."""
    before, pods = kept.get("service/c-service"), kept.uids("pods")
    kept.apply(with_service({"type": "NodePort"}))
    eventually(lambda: all("nodePort" in port for port in kept.get("service/c-service")["spec"]["ports"]), "node ports")
    kept.apply(with_service({}))
    eventually(lambda: kept.get("service/c-service")["spec"]["type"] == "ClusterIP", "a ClusterIP Service")
    settles(kept)
    after = kept.get("service/c-service")
    assert after["spec"]["ports"] == before["spec"]["ports"]
    assert after["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    assert kept.uids("pods") == pods


def test_of_two_writers_of_replicas_the_last_counts(kept: Site) -> None:
    """`kubectl scale` works on the cluster and on its default group; what was edited last counts, and stays."""
    for what, replicas in ((DEFAULT, 4), ("daskcluster/c", 3), (DEFAULT, 1), ("daskcluster/c", 2)):
        kept.kubectl("scale", what, f"--replicas={replicas}")
        settles(kept)
        assert worker_count(kept) == replicas
        assert kept.get(DEFAULT)["spec"]["worker"]["replicas"] == replicas
    kept.kubectl("scale", DEFAULT, "--replicas=3")
    kept.patch("daskcluster/c", {"metadata": {"labels": {"team": "one"}}})
    settles(kept)
    assert (worker_count(kept), kept.get("daskcluster/c")["spec"]["worker"]["replicas"]) == (3, 2)


def test_what_is_deleted_leaves_nothing(kept: Site) -> None:
    """With its groups, its job's cluster, its Pods and Services, all that is deleted is gone, and stays away."""
    kept.apply(group(), job("j"))
    settles(kept)
    kept.kubectl("delete", "daskcluster/c", "daskjob/j", "--wait=false")
    eventually(lambda: kept.every(EVERYTHING) == [], "an empty namespace", deadline_seconds=60)


def test_what_is_deleted_while_no_daemon_runs_leaves_nothing(site: Site) -> None:
    """Nothing waits for a daemon that is gone: no finalizer, and garbage collection does the rest."""
    site.apply(cluster(), group(), job("j"))
    with site.daemon():
        settles(site)
    site.kubectl("delete", "daskcluster/c", "daskjob/j")
    eventually(lambda: site.every(EVERYTHING) == [], "an empty namespace", deadline_seconds=60)
    assert site.once().returncode == 0
    assert site.every(EVERYTHING) == []


def test_a_cluster_on_its_way_out_gets_nothing_more(site: Site) -> None:
    """While something keeps a deleted cluster, no child of it is made; a group that names it waits, and says so."""
    held = cluster()
    held["metadata"]["finalizers"] = ["example.org/wait"]
    site.apply(held)
    with site.daemon():
        settles(site)
        site.kubectl("delete", "daskcluster/c", "--wait=false")
        mark = site.audit.from_now()
        site.kubectl("delete", "pod/c-scheduler", "--wait=false")
        site.apply(group())
        words = f"DaskCluster {site.namespace}/c is being deleted"
        eventually(lambda: words in site.condition("daskworkergroup/g", "Ready").get("message", ""), words)
        assert [write for write in mark.writes(site.namespace) if write.resource in ("pods", "services")] == []
        site.patch("daskcluster/c", {"metadata": {"finalizers": None}})
        eventually(
            lambda: site.condition("daskworkergroup/g", "Ready").get("reason") == "ClusterNotFound", "its cluster's end"
        )
        site.apply(cluster())
        settles(site)
