"""DaskJobs run to their end: their output as it comes, and their exit code."""

import signal
from pathlib import Path

from tests.local.command import local_with
from tests.local.place import linux_only
from tests.local.smallpods import SLEEPER, cluster, container, core, dask_scheduler, dask_worker, job, python


def test_the_exit_code_is_that_of_the_first_job_that_failed(tmp_path: Path) -> None:
    """When all jobs are over, the command ends with the exit code of the first that failed, and says which."""
    codes = {"good": 0, "bad": 7, "worse": 9}
    with local_with(tmp_path, *(job(name, python(f"raise SystemExit({code})")) for name, code in codes.items())) as run:
        assert run.ended() == 7
        assert run.errors[-1] == "DaskJob default/bad failed with exit code 7."
        assert run.says("daskjob/bad Failed: The runner Pod bad-runner failed: exit code 7 (Error).")
        for name, code in codes.items():
            run.says(f"pod/{name}-runner {'Failed' if code else 'Succeeded'}")
        assert not any("There is no DaskCluster" in line for line in run.errors)


def test_a_job_that_failed_is_tried_again(tmp_path: Path) -> None:
    """With restartPolicy OnFailure a runner that fails is started again; the job succeeds when that does."""
    once = """
    import pathlib, sys
    print("here")
    marker = pathlib.Path(sys.argv[1])
    if not marker.exists():
        marker.touch()
        sys.exit("not yet")
    """
    runner = python(once, "/marks/tried", volumeMounts=[{"name": "marks", "mountPath": "/marks"}])
    volumes = [{"name": "marks", "hostPath": {"path": str(tmp_path)}}]
    with local_with(tmp_path, job("again", runner, restartPolicy="OnFailure", volumes=volumes)) as run:
        assert run.ended() == 0
        logs = run.logs() / "default_again-runner" / "main"
        assert [(logs / f"{number}.log").read_text() for number in (0, 1)] == ["here\nnot yet\n", "here\n"]
        assert not (logs / "2.log").exists()


FAILS = python("raise SystemExit(3)")


def test_a_job_that_is_tried_again_is_told_with_the_remedy(tmp_path: Path) -> None:
    """And when it is waited for no longer, with what it does."""
    with local_with(tmp_path, job("fails", FAILS, restartPolicy="OnFailure"), options=["--wait=4s"]) as run:
        words = "its command failed with exit code 3 and is run again, since its restartPolicy is OnFailure; "
        run.says(f"DaskJob default/fails: {words}")
        assert run.ended() == 1
        assert run.errors[-2:] == [
            "DaskJob default/fails is not over: its command failed with exit code 3, and is run again.",
            "Not every job was over within 4 s.",
        ]


def test_the_first_failure_of_a_job_can_be_the_end(tmp_path: Path) -> None:
    """With --no-retry its exit code is the command's, beside a cluster too."""
    manifests = (job("fails", FAILS, restartPolicy="OnFailure"), cluster("beside"))
    with local_with(tmp_path, *manifests, options=["--no-retry"]) as run:
        assert run.ended() == 3
        assert run.errors[-1] == "DaskJob default/fails failed with exit code 3."
        assert not any("is run again" in line for line in run.errors)


def test_the_last_words_of_an_interrupted_job_are_seen(tmp_path: Path) -> None:
    """What a command prints when it is asked to end may be all that is left of its work; the others' are not shown."""
    parts = """
    import signal, time
    def end(*_):
        print("asked")
        time.sleep(0.5)
        print("all is kept", end="")
        raise SystemExit
    signal.signal(signal.SIGTERM, end)
    print("here")
    while True:
        time.sleep(1)
    """
    of = cluster("parts-cluster", python(parts))
    with local_with(tmp_path, job("parts", python(parts), of, terminationGracePeriodSeconds=5)) as run:
        run.prints("[parts-runner] here")
        assert run.ended(signal.SIGINT) == 130
        assert run.output[-2:] == ["[parts-runner] asked", "[parts-runner] all is kept"]


def test_what_a_job_prints_is_seen_while_it_runs(tmp_path: Path) -> None:
    """A job's output comes line by line, with its Pod's name before it, on standard output."""
    waits = """
    import pathlib, sys, time
    print("begun")
    print("wrong", file=sys.stderr)
    while not pathlib.Path(sys.argv[1]).exists():
        time.sleep(0.02)
    print("ended", end="")
    """
    marker = tmp_path / "goes-on"
    with local_with(tmp_path, job("talks", python(waits, str(marker)))) as run:
        run.prints("[talks-runner] begun")
        run.prints("[talks-runner] wrong")
        assert run.process.poll() is None
        marker.touch()
        assert run.ended() == 0
        assert [line for line in run.output if "talks-runner" in line][-1] == "[talks-runner] ended"


def test_a_job_finds_its_script_and_its_password(tmp_path: Path) -> None:
    """A ConfigMap in the same file, mounted, is a script that can be run; a Secret in it is an environment variable."""
    volumes = [{"name": "scripts", "configMap": {"name": "scripts"}}]
    runner = container(
        *("python", "/scripts/main.py"),
        volumeMounts=[{"name": "scripts", "mountPath": "/scripts"}],
        env=[{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}}],
    )
    with local_with(
        tmp_path,
        job("script", runner, volumes=volumes),
        core(
            "ConfigMap",
            "scripts",
            data={
                "main.py": "import os, words\nprint(words.HELLO, os.environ['PASSWORD'])\n",
                "words.py": "HELLO = 'hello'\n",
            },
        ),
        core("Secret", "login", stringData={"password": "swordfish"}),
    ) as run:
        assert run.ended() == 0
        assert "[script-runner] hello swordfish" in run.output


def test_a_job_computes_on_its_cluster(tmp_path: Path) -> None:
    """`Client()` in a runner is a client of the job's own cluster, whose workers compute."""
    program = """
    from distributed import Client
    with Client() as client:
        client.wait_for_workers(1, timeout=60)
        print("the sum is", client.submit(sum, [19, 23]).result())
    """
    of = cluster("adds-cluster", dask_scheduler(), dask_worker("--no-nanny"), replicas=1)
    with local_with(tmp_path, job("adds", python(program), of)) as run:
        assert run.ended() == 0
        assert "[adds-runner] the sum is 42" in run.output


@linux_only
def test_an_interrupted_job_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C during a job ends all of it, with exit code 130: it has not succeeded."""
    with local_with(tmp_path, job("long", SLEEPER)) as run:
        run.says("pod/long-runner Running, ready 1/1")
        assert run.ended(signal.SIGINT) == 130
        run.all_gone(5)
