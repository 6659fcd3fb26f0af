"""What goes wrong with real Pods, and what their owner is told. All of it goes wrong at the same time."""

import pytest

from tests.node.place import CLUSTER, Place
from tests.node.samples import cluster, idle, idle_cluster, job, pod_spec

pytestmark = pytest.mark.node

RUNNER = "dask.org/component=job-runner"


@pytest.fixture(scope="module")
def troubled(shared: Place) -> Place:
    """A namespace in which little goes as it should."""
    crash = pod_spec("sh", "-c", "echo no such dataset; exit 3", terminationMessagePolicy="FallbackToLogsOnError")
    greedy = pod_spec("sleep", "infinity", resources={"limits": {"nvidia.com/gpu": "99"}})
    idling = idle_cluster("any", 1)["spec"]
    shared.create(
        cluster("crashing", workers=0, scheduler=crash),
        cluster("greedy", workers=1, scheduler=idle(), worker=greedy),
        job("failing", {"restartPolicy": "Never", **crash}, idling),
        job("interrupted", pod_spec("sleep", "infinity"), idling),
    )
    return shared


def test_a_crashing_scheduler_is_named_with_its_last_words(troubled: Place) -> None:
    """The cluster's Ready says that it crashes, with what exit code, and what it wrote."""
    words = "The scheduler Pod crashing-scheduler crashed: CrashLoopBackOff, exit code 3 (Error): no such dataset"
    troubled.eventually(lambda: words in troubled.message("daskcluster", "crashing"), words)
    row = troubled.kubectl("get", "daskcluster", "crashing", "--no-headers").split()
    assert row[:5] == ["crashing", "Running", "False", "0/0", "SchedulerNotReady"]


def test_a_worker_that_no_node_can_take_is_told_in_a_listing(troubled: Place) -> None:
    """`kubectl get daskcluster` says that workers are missing, and with `-o wide` what the node lacks."""
    troubled.wait("daskcluster/greedy", "jsonpath={.status.conditions[?(@.type=='SchedulerReady')].status}=True")
    lacking = "Insufficient nvidia.com/gpu"
    troubled.eventually(lambda: lacking in troubled.message("daskcluster", "greedy"), lacking)
    row = troubled.kubectl("get", "daskcluster", "greedy", "--no-headers").split()
    assert row[:5] == ["greedy", "Running", "False", "0/1", "WorkersNotReady"]
    assert lacking in troubled.kubectl("get", "daskcluster", "greedy", "--output=wide")


def test_a_failed_job_tells_so_and_frees_its_cluster(troubled: Place) -> None:
    """A runner that must not restart decides: the job is Failed, its Pod is kept for its log, the cluster goes."""
    troubled.wait("daskjob/failing", "condition=Failed")
    assert troubled.get("daskjob", "failing")["status"]["jobStatus"] == "Failed"
    assert "exit code 3" in troubled.message("daskjob", "failing", "Failed")
    troubled.leaves_nothing({"failing-cluster"})
    assert troubled.kubectl("logs", "failing-runner") == "no such dataset\n"


def test_a_runner_that_was_deleted_while_it_ran_runs_again(troubled: Place) -> None:
    """Another Pod of its name runs on the same cluster; the job is neither failed nor complete."""
    selector = f"{CLUSTER}=interrupted-cluster"
    troubled.wait("daskjob/interrupted", "jsonpath={.status.jobStatus}=Running")
    before = troubled.uids(selector)
    troubled.kubectl("delete", "pod", "interrupted-runner")
    troubled.wait("pod/interrupted-runner", "create")
    troubled.wait("pod/interrupted-runner", "condition=Ready")
    after = troubled.uids(selector)
    assert {name for name in after if after[name] != before.get(name)} == {"interrupted-runner"}
    assert after.keys() == before.keys()
    status = troubled.get("daskjob", "interrupted")["status"]
    assert status["jobStatus"] == "Running"


def test_deleting_a_running_job_leaves_nothing(troubled: Place) -> None:
    """The job's cluster and runner go with it."""
    troubled.wait("daskjob/interrupted", "jsonpath={.status.jobStatus}=Running")
    troubled.kubectl("delete", "daskjob", "interrupted")
    troubled.leaves_nothing({"interrupted"})
