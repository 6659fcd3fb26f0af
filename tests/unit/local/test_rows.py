import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from models.base import wire_time
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD
from reconciler.local.display.rows import Row, rows
from reconciler.wire.protocol import Body
from tests.builders import NOON, cluster, job
from tests.manifests import pod_spec
from tests.simulation.kubelet import CRASHING, NEVER_READY
from tests.simulation.world import World, key
from tests.unit.local.localrows import body, condition, pod, shown

EXAMPLE = Path(__file__).parents[3] / "examples" / "simple-cluster.yaml"

NEW = """\
busy daskcluster/simple-cluster Running 0/2 - | The scheduler Pod simple-cluster-scheduler must wait to be scheduled.
busy   pod/simple-cluster-scheduler Pending 0/1 0 | Must wait to be scheduled.
busy   daskworkergroup/simple-cluster-default-worker-group Starting 0/2 - | \
2 of 2 workers are not ready: 2 must wait to be scheduled (Pod simple-cluster-default-worker-group-worker-X, …).
busy     pod/simple-cluster-default-worker-group-worker-X Pending 0/1 0 | Must wait to be scheduled.
busy     pod/simple-cluster-default-worker-group-worker-X Pending 0/1 0 | Must wait to be scheduled."""

READY = """\
good daskcluster/simple-cluster Running 2/2 - | The scheduler is ready. 2 of 2 workers have joined.
good   pod/simple-cluster-scheduler Running 1/1 0 |
good   daskworkergroup/simple-cluster-default-worker-group Ready 2/2 - | 2 of 2 workers have joined.
good     pod/simple-cluster-default-worker-group-worker-X Running 1/1 0 |
good     pod/simple-cluster-default-worker-group-worker-X Running 1/1 0 |"""

JOB = """\
over daskjob/train Successful  - | The job's command succeeded.
over   pod/train-runner Succeeded 0/1 0 | Ended: exit code 0."""


def written(shown: tuple[Row, ...]) -> str:
    """Rows as text, without what is random in names."""
    lines = (
        f"{row.state} {'  ' * row.depth}{row.resource} {row.phase} {row.ready} "
        f"{'-' if row.restarts is None else row.restarts} | {row.reason}".rstrip()
        for row in shown
    )
    return re.sub(r"-worker-[0-9a-f]{10}", "-worker-X", "\n".join(lines))


def tree(shown: tuple[Row, ...]) -> list[str]:
    return [f"{'  ' * row.depth}{re.sub('-worker-[0-9a-f]{10}', '-worker-X', row.resource)}" for row in shown]


def of(shown: tuple[Row, ...], resource: str) -> Row:
    return next(row for row in shown if row.resource == resource)


def test_a_cluster_is_a_tree_from_the_first_look_to_readiness() -> None:
    """The scheduler, then each group with its workers, all in the words of their own statuses."""
    world = World()
    manifest = yaml.safe_load(EXAMPLE.read_text())
    manifest["metadata"]["namespace"] = "default"
    world.api.create(DASK_CLUSTER, manifest)
    assert written(rows(world.api)) == "busy daskcluster/simple-cluster Created  - |"
    world.tick()
    assert written(rows(world.api)) == NEW
    world.settle()
    assert written(rows(world.api)) == READY
    assert {row.requests for row in rows(world.api)} == {""}
    assert of(rows(world.api), "daskcluster/simple-cluster").since == NOON


def test_a_job_holds_its_cluster_and_its_runner() -> None:
    """The runner stands last, since it is what the rest is there for; when the job is over, it is what is left."""
    world = World(job(replicas=1))
    world.settle()
    assert tree(rows(world.api)) == [
        "daskjob/train",
        "  daskcluster/train-cluster",
        "    pod/train-cluster-scheduler",
        "    daskworkergroup/train-cluster-default-worker-group",
        "      pod/train-cluster-default-worker-group-worker-X",
        "  pod/train-runner",
    ]
    assert {row.state for row in rows(world.api)} == {"good"}
    world.kubelet.end(world.get(key(POD, "train-runner")), "Succeeded")
    world.settle()
    assert written(rows(world.api)) == JOB


def test_a_failed_job_says_why() -> None:
    """Its own row as well as its runner's."""
    world = World(job(replicas=1))
    world.settle()
    world.kubelet.end(world.get(key(POD, "train-runner")), "Failed")
    world.settle()
    failed = of(rows(world.api), "daskjob/train")
    assert (failed.phase, failed.state) == ("Failed", "bad")
    assert failed.reason == "The runner Pod train-runner failed: exit code 1."


def test_everything_there_is_has_one_row_at_every_moment() -> None:
    """Whatever comes and goes meanwhile: no Pod and no resource is left out or shown twice."""
    world = World(cluster(replicas=2), cluster("bad", worker={"spec": pod_spec(CRASHING)}), job(replicas=1))
    kinds = (DASK_JOB, DASK_CLUSTER, DASK_WORKER_GROUP, POD)
    for tick in range(10):
        if tick == 6:
            world.delete(key(DASK_CLUSTER, "simple"))
        there = [f"{kind.name.lower()}/{one['metadata']['name']}" for kind in kinds for one in world.api.objects(kind)]
        assert Counter(row.resource for row in rows(world.api)) == Counter(there)
        world.tick()


def test_a_cluster_is_bad_if_its_workers_crash() -> None:
    """Also between two attempts; that workers take their time passes by itself."""
    world = World(
        cluster("bad", worker={"spec": pod_spec(CRASHING)}), cluster("slow", worker={"spec": pod_spec(NEVER_READY)})
    )
    states = []
    for _ in range(4):
        world.tick()
        world.kubelet.step()
        states.append((of(rows(world.api), "daskcluster/bad").state, of(rows(world.api), "daskcluster/slow").state))
    assert states == [("busy", "busy"), ("bad", "busy"), ("bad", "busy"), ("bad", "busy")]
    assert of(rows(world.api), "daskworkergroup/bad-default-worker-group").phase == "BackOff"


def test_what_belongs_to_nothing_stands_by_itself() -> None:
    """Such as the Pods of a cluster that is gone, or an autoscaler that nobody has adopted."""
    bodies = [pod("left", "gone"), body(DASK_AUTOSCALER, "a"), body(DASK_WORKER_GROUP, "g", "gone")]
    assert tree(shown(*bodies)) == ["daskworkergroup/g", "daskautoscaler/a", "pod/left"]


def test_owners_of_other_kinds_do_not_count() -> None:
    """A Pod that claims to own a cluster, or a cluster that claims to own itself, has no place in the tree."""
    bodies = [pod("p", "p"), body(DASK_CLUSTER, "c", "p", "c"), body(DASK_JOB, "j", "c")]
    assert tree(shown(*bodies)) == ["daskjob/j", "daskcluster/c", "pod/p"]


def test_workers_stand_in_the_order_they_were_made_in() -> None:
    """By their numbers, since what their names end with is random."""
    group = body(DASK_WORKER_GROUP, "g")
    numbers = {"a": "10", "b": "2", "c": "1"}
    workers = [pod(name, "g", annotations={"kubernetes.dask.org/ordinal": number}) for name, number in numbers.items()]
    assert tree(shown(group, *workers)) == ["daskworkergroup/g", "  pod/c", "  pod/b", "  pod/a"]


SETTLED = condition("Progressing", "False", "Settled", "All is well.")
IS_READY = condition("Ready", "True", "Ready", "Ready.")
UP = "The scheduler Pod must wait."


@pytest.mark.parametrize(
    ("conditions", "phase", "state", "reason"),
    [
        ([], "Created", "busy", ""),
        ([IS_READY, SETTLED], "Ready", "good", "Ready."),
        ([IS_READY, condition("Progressing", "True", "RollingOut", "1 of 2.")], "RollingOut", "busy", "1 of 2."),
        ([IS_READY, condition("Progressing", "False", "DeletionCap", "Too many.")], "Ready", "bad", "Too many."),
        ([IS_READY, SETTLED, condition("Accepted", "False", "Invalid", "No.")], "Ready", "bad", "No."),
        (
            [
                condition("Ready", "False", "WorkersNotReady", "0 of 1."),
                condition("Progressing", "True", "Creating", "1 more."),
            ],
            "Creating",
            "busy",
            "0 of 1.",
        ),
        (
            [condition("Ready", "False", "ClusterNotFound", "There is none.")],
            "ClusterNotFound",
            "bad",
            "There is none.",
        ),
        (
            [condition("Ready", "Unknown", "Incomplete", "Pod p cannot be read.")],
            "Incomplete",
            "bad",
            "Pod p cannot be read.",
        ),
    ],
)
def test_a_resource_is_told_by_its_conditions(conditions: list[Body], phase: str, state: str, reason: str) -> None:
    """What it does, its state, and the sentence of the first condition that is not as it should be."""
    (row,) = shown(body(DASK_WORKER_GROUP, "g", status={"conditions": conditions, "workers": "1/2"}))
    assert (row.phase, row.state, row.reason, row.ready) == (phase, state, reason, "1/2")


def test_an_edit_that_waits_is_told_while_the_job_runs() -> None:
    """That the job's command runs is nothing to tell instead."""
    conditions = [
        IS_READY,
        condition("Progressing", "True", "Running", "It runs."),
        condition("RunnerUpToDate", "False", "RunnerTemplateChanged", "The edit of spec.job waits."),
    ]
    (row,) = shown(body(DASK_JOB, "j", status={"jobStatus": "Running", "conditions": conditions}))
    assert (row.phase, row.state, row.reason) == ("Running", "good", "The edit of spec.job waits.")


def test_a_resource_that_was_deleted_is_terminating() -> None:
    """Its old conditions say nothing any more."""
    status = {"phase": "Running", "conditions": [IS_READY]}
    (row,) = shown(body(DASK_CLUSTER, "c", status=status, deletionTimestamp=wire_time(NOON), finalizers=["a/b"]))
    assert (row.phase, row.state) == ("Terminating", "busy")


def test_rows_tell_namespaces_apart() -> None:
    """Two clusters of the same name are two rows."""
    bodies = [body(DASK_CLUSTER, "c"), body(DASK_CLUSTER, "c", namespace="ml", uid="other")]
    assert [(row.namespace, row.resource) for row in shown(*bodies)] == [
        ("default", "daskcluster/c"),
        ("ml", "daskcluster/c"),
    ]
