"""The files are followed while they change."""

from functools import partial

from distributed import Client

from tests.local.command import LocalRun, told
from tests.local.conftest import Sheet
from tests.local.place import linux_only
from tests.local.smallpods import (
    SLEEPER,
    TELLER,
    cluster,
    container,
    core,
    dask_scheduler,
    dask_worker,
    group,
    pod,
    python,
)
from tests.local.stage import free_port
from tests.node.clients import client_of, computes, workers_seen
from tests.realcluster.eventually import eventually


def ready_workers(run: LocalRun, group: str) -> set[str]:
    """The Pods of a group that were ready at any time."""
    lines = [line for line in run.errors if f" pod/{group}-worker-" in line and ", ready 1/1" in line]
    return {line.split()[1].removeprefix("pod/") for line in lines}


def sees(client: Client, replicas: int) -> bool:
    """Whether a client sees so many workers."""
    return len(workers_seen(client)) == replicas


def answers(address: str, name: str) -> bool:
    """Whether a Pod that tells its name is at an address."""
    return told(address) == name


def test_workers_are_scaled(sheet: Sheet) -> None:
    """A client sees as many workers as the file says, and computes; scaling replaces none of those that stay."""
    scaled = partial(cluster, "scaled", dask_scheduler(), dask_worker("--no-nanny"), port=free_port())
    sheet.holds(scaled(replicas=2))
    with client_of(sheet.run.address("scaled")) as client:
        client.wait_for_workers(2, timeout=60)
        two = workers_seen(client)
        sheet.holds(scaled(replicas=4))
        sheet.run.says("DaskCluster default/scaled: spec.worker.replicas 2 → 4")
        client.wait_for_workers(4, timeout=60)
        four = workers_seen(client)
        assert two < four
        sheet.holds(scaled(replicas=1))
        eventually(lambda: sees(client, 1), "one worker")
        assert workers_seen(client) < four
        assert computes(client, 6)


def test_a_changed_argument_rolls_the_workers(sheet: Sheet) -> None:
    """Workers whose command changes are replaced by others with other names, and the change is told."""
    rolled = partial(cluster, "rolled", replicas=2, port=free_port())
    group = "rolled-default-worker-group"
    sheet.holds(rolled(worker=container("sleep", "600")))
    sheet.run.says(f"daskworkergroup/{group} Ready, ready 2/2")
    old = ready_workers(sheet.run, group)
    assert len(old) == 2
    sheet.holds(rolled(worker=container("sleep", "601")))
    change = 'spec.worker.spec.containers[0].command ["sleep", "600"] → ["sleep", "601"]'
    sheet.run.says(f"DaskCluster default/rolled: {change}")
    for name in old:
        sheet.run.says(f"pod/{name} gone")
    eventually(lambda: len(ready_workers(sheet.run, group) - old) == 2, "two other workers")
    assert not any("must wait to be scheduled" in line for line in sheet.run.errors)
    assert not any(line.startswith("DaskCluster default/rolled: ") and "not ready" in line for line in sheet.run.errors)


@linux_only
def test_a_changed_image_changes_nothing(sheet: Sheet) -> None:
    """Images are not pulled, so another one is told, and the same processes go on; other edits still count."""
    pictured = partial(cluster, "pictured", port=free_port())
    group = "pictured-default-worker-group"
    sheet.holds(pictured(worker=SLEEPER, replicas=1))
    sheet.run.says(f"daskworkergroup/{group} Ready, ready 1/1")
    [worker] = ready_workers(sheet.run, group)
    pids = sheet.run.pids(worker)
    sheet.holds(pictured(worker={**SLEEPER, "image": "dask:2"}, replicas=2))
    sheet.run.says(
        "DaskCluster default/pictured: spec.worker.spec.containers[main]: "
        "image dask → dask:2: images are not pulled here; nothing changes"
    )
    sheet.run.says(f"daskworkergroup/{group} Ready, ready 2/2")
    assert sheet.run.pids(worker) == pids


@linux_only
def test_what_is_removed_from_the_file_goes(sheet: Sheet) -> None:
    """A resource that is no longer in the files is deleted with its processes; the others stay."""
    kept = cluster("kept", replicas=1)
    sheet.holds(kept, group("removed", "kept"))
    sheet.run.says("daskworkergroup/removed Ready, ready 1/1")
    sheet.run.says("daskworkergroup/kept-default-worker-group Ready, ready 1/1")
    [removed], [stays] = ready_workers(sheet.run, "removed"), ready_workers(sheet.run, "kept-default-worker-group")
    pids = sheet.run.pids(stays)
    sheet.holds(kept)
    sheet.run.says("DaskWorkerGroup default/removed: deleted, since it is no longer in the files")
    sheet.run.says(f"pod/{removed} gone")
    assert sheet.run.pids(removed) == []
    assert sheet.run.pids(stays) == pids


@linux_only
def test_a_broken_edit_is_told_and_nothing_is_lost(sheet: Sheet) -> None:
    """A mistake is told with its line, and what ran goes on; that it was mended is told too."""
    sheet.holds(cluster("edited", replicas=1), pod("beside", SLEEPER))
    sheet.run.says("daskworkergroup/edited-default-worker-group Ready, ready 1/1")
    sheet.run.says("pod/beside Running, ready 1/1")
    [worker] = ready_workers(sheet.run, "edited-default-worker-group")
    pids = sheet.run.pids(worker) + sheet.run.pids("beside")
    text = sheet.file.read_text()
    assert text.splitlines()[2] == "metadata:"
    sheet.file.write_text(text.replace("metadata:", "\tmetadata:"))
    told = sheet.run.says(f"{sheet.file}, document 1: is not YAML in line 3, column 1: ")
    assert told.endswith("indent with spaces, not tabs.")
    sheet.file.write_text(text.replace("replicas: 1", "replicas: -1"))
    sheet.run.says("document 1: DaskCluster default/edited: spec.worker.replicas is -1; it must be 0 or more.")
    sheet.file.write_text(text)
    sheet.run.says("Nothing is wrong in the files any more.")
    assert sheet.run.pids(worker) + sheet.run.pids("beside") == pids


def test_a_cluster_that_is_added_is_made_and_told(sheet: Sheet) -> None:
    """A second cluster in a file gets an address of its own, at which its scheduler answers."""
    first, second = cluster("first", TELLER), cluster("second", TELLER)
    sheet.holds(first)
    sheet.run.address("first")
    sheet.holds(first, second)
    for name in ("first", "second"):
        eventually(partial(answers, sheet.run.address(name), f"{name}-scheduler"), f"an answer of {name}")


def test_a_changed_config_map_is_told_and_given_to_new_containers(sheet: Sheet) -> None:
    """Who begins after the change finds the new values."""
    reads = python("import os; print('word', os.environ['word'])", envFrom=[{"configMapRef": {"name": "changing"}}])
    before = pod("before", reads, restartPolicy="Never")
    sheet.holds(core("ConfigMap", "changing", data={"word": "old"}), before)
    sheet.run.prints("[before] word old")
    after = pod("after", reads, restartPolicy="Never")
    sheet.holds(core("ConfigMap", "changing", data={"word": "new"}), before, after)
    sheet.run.says('ConfigMap default/changing: data.word "old" → "new"')
    sheet.run.prints("[after] word new")
