"""The command's pure parts: what people type, and what it becomes."""

import re
from datetime import timedelta
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubecluster import names
from kubecluster.cli.forwarding import has_browser
from kubecluster.cli.listing import age
from kubecluster.cli.making import amounts, pairs
from kubecluster.cli.place import Place
from kubecluster.cli.scheduler_changes import SchedulerChanges, Seen
from kubecluster.cli.script import FOLDER, Script, manifest
from kubecluster.cli.submission import named_after
from kubecluster.cli.survey import state
from kubecluster.diagnosis import diagnose
from kubecluster.errors import Invalid
from kubecluster.options import Surroundings, resolved
from tests.kubecluster.sights import NOON, cluster, sight

EXPANDED = re.compile(r"\$\$|\$\(([^)]*)\)")


@given(st.dictionaries(st.text(min_size=1).filter(lambda name: "=" not in name), st.text()))
def test_a_value_may_have_any_sign_in_it(variables: dict[str, str]) -> None:
    """Names and values are apart at the first `=`."""
    assert pairs([f"{name}={value}" for name, value in variables.items()], "--env") == variables


@pytest.mark.parametrize(
    ("given_", "becomes"),
    [
        ((None, None, None), None),
        (("2", None, None), {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}),
        (("2", "4Gi", None), {"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "2", "memory": "4Gi"}}),
        ((None, None, '{"limits": {"cpu": 1}}'), {"limits": {"cpu": 1}}),
    ],
)
def test_amounts_are_limits_and_requests(given_: tuple[Any, ...], becomes: object) -> None:
    """What is asked for is what one gets at most; JSON says it all."""
    assert amounts(*given_) == becomes


def test_amounts_are_said_once() -> None:
    """Amounts and JSON contradict each other."""
    with pytest.raises(click.UsageError, match="leave one or the other out"):
        amounts("1", None, "{}")


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(minutes=5, seconds=20), "5m20s"),
        (timedelta(minutes=12, seconds=20), "12m"),
        (timedelta(hours=3), "3h"),
        (timedelta(days=2, hours=4, minutes=9), "2d4h"),
        (timedelta(days=400), "400d"),
    ],
)
def test_an_age_is_told_in_as_many_units_as_matter(length: timedelta, words: str) -> None:
    """Two units below ten of the larger one, one from then on."""
    assert age(length.total_seconds()) == words


@pytest.mark.parametrize(
    ("namespace", "name", "found"),
    [
        (None, "simple", (None, "simple")),
        ("a", "simple", ("a", "simple")),
        (None, "a/b", ("a", "b")),
        ("a", "a/b", ("a", "b")),
    ],
)
def test_a_name_may_have_its_namespace(namespace: str | None, name: str, found: tuple[str | None, str]) -> None:
    """Before a slash; that wins over none, and is fine beside the same."""
    assert Place(namespace, None, None).split(name) == found


@given(st.text(), st.text(st.characters(categories=["Ll", "Nd"], max_codepoint=127), min_size=5, max_size=5))
def test_a_job_is_called_after_its_script(script: str, unique: str) -> None:
    """Whatever that is called, Kubernetes takes the job's name and its cluster's."""
    name = named_after(script, unique)
    assert names.cluster_name_error(f"{name}-cluster") is None
    assert name.endswith(unique)


@given(st.lists(st.text(st.sampled_from("$()ab "), max_size=8), max_size=3))
def test_a_scripts_arguments_arrive_as_they_are(arguments: list[str]) -> None:
    """What Kubernetes would replace is left alone."""
    words = Script("x.py", b"", arguments).command
    arrived = [EXPANDED.sub(lambda found: "$" if found[0] == "$$" else "REPLACED", word) for word in words]
    assert arrived == ["python", f"{FOLDER}/x.py", *arguments]


@pytest.mark.parametrize("content", [b"print(1)\n", "print('ä')".encode("latin-1"), b""])
def test_a_script_travels_as_it_is(content: bytes) -> None:
    """As text, or in base64 if it is none."""
    body = Script("x.py", content).settings("job")
    assert ("binaryData" in body) == (b"\xe4" in content)


@pytest.mark.parametrize("content", [b"#" * (1 << 20), b"\xff" * 800_000])
def test_a_script_that_is_too_large_is_refused(content: bytes) -> None:
    """In words that name the file, its size and the limit."""
    with pytest.raises(Invalid, match=r"x\.py has 1\.0 MiB, and Kubernetes carries at most 1 MiB"):
        Script("x.py", content).settings("job")


def test_a_jobs_runner_is_made_like_its_cluster() -> None:
    """It has the cluster's image, environment and resources, but for GPUs; it is not run again, and hides no line."""
    amounts_ = {"limits": {"cpu": "1", "nvidia.com/gpu": "2"}}
    given_ = {"name": "train", "image": "mine:1", "env": {"A": "b"}, "resources": amounts_, "n_workers": 2}
    body = manifest(resolved(given_, Surroundings({}, {})), Script("my file.py", b""))
    spec = body["spec"]["job"]["spec"]
    [runner] = spec["containers"]
    assert (runner["image"], runner["resources"]) == ("mine:1", {"limits": {"cpu": "1"}})
    assert runner["env"] == [{"name": "A", "value": "b"}, {"name": "PYTHONUNBUFFERED", "value": "1"}]
    assert spec["restartPolicy"] == "Never"
    assert spec["volumes"][0]["configMap"] == {"name": "train", "items": [{"key": "script", "path": "my file.py"}]}
    assert body["spec"]["cluster"]["spec"]["worker"]["replicas"] == 2


@pytest.mark.parametrize("environment", [{}, {"DISPLAY": ":0", "SSH_CONNECTION": "x"}, {"DISPLAY": ":0"}])
def test_no_browser_is_opened_where_nobody_looks(environment: dict[str, str]) -> None:
    """Standard output is no terminal here, whatever the environment says."""
    assert not has_browser(environment)


UP, NEXT, NONE, LOST = Seen("a 0"), Seen("a 1"), Seen(""), Seen("", "It is out of reach.")


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([UP, UP], ["", ""]),
        ([NONE, NONE, UP], ["is gone", "", "reached again"]),
        ([NONE, NEXT], ["is gone", "another scheduler"]),
        ([NEXT, NEXT], ["another scheduler", ""]),
        ([LOST, LOST, UP], ["out of reach", "", "reached again"]),
        ([LOST, NEXT], ["out of reach", "another scheduler"]),
        ([LOST, NONE, UP], ["out of reach", "is gone", "reached again"]),
    ],
)
def test_while_ports_are_forwarded_changes_alone_are_told(seen: list[Seen], told: list[str]) -> None:
    """Each once: that the scheduler is gone, replaced, or reached again, and that Kubernetes is out of reach."""
    changes = SchedulerChanges("a 0")
    for each, words in zip(seen, told, strict=True):
        news = changes.news(each)
        assert words in news
        assert bool(news) == bool(words)


def test_a_cluster_that_goes_is_told_as_such() -> None:
    """Whatever its Pods are like."""
    seen = sight(cluster=cluster(deletionTimestamp="2026-01-31T12:00:00Z"))
    assert state(seen, diagnose(NOON, seen)) == "Deleting"
