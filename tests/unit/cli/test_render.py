import io
import json
from typing import Any

import pytest
import yaml
from rich.console import Console

from reconciler.cli.render import FEW, Output, failures, show, summary, table
from reconciler.passes.values import PassResult, Response, Result
from reconciler.rules.reasons import Reason
from tests.builders import cluster
from tests.unit.daemon.passresults import (
    BIG,
    create,
    delete,
    finding,
    passed,
    refused,
    unread,
    unreadable,
    update,
)

TWO_CLUSTERS = passed(create(), update(), create("big-scheduler", BIG), delete("big-old", BIG))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(result: PassResult, output: Output = Output.TABLE, stream: io.StringIO | None = None, **how: Any) -> str:
    stream = stream or io.StringIO()
    show(result, output, stream, **{"rehearsed": True, **how})
    return stream.getvalue()


def drawn(result: PassResult, width: int = 100) -> list[str]:
    """A table as a terminal without colours shows it."""
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False).print(table(result, width))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


PLAIN = """\
ACTION   OBJECT                                               REASON                         CHANGES
create   Pod default/small-scheduler                          the cluster has no scheduler
update   DaskWorkerGroup default/small-default-worker-group   the cluster wants other ones   spec.worker.replicas 2 -> 3
create   Pod ml/big-scheduler                                 the cluster has no scheduler
delete   Service ml/big-old                                   nobody wants it

Plan: 2 to create, 1 to update, 1 to delete.
"""


def test_a_plan_in_a_pipe_is_aligned_text_with_one_line_an_action() -> None:
    """Every action is one line of action, object, reason and changes, without colour, however long."""
    assert printed(TWO_CLUSTERS) == PLAIN


def test_a_plan_on_a_terminal_is_a_table_by_cluster() -> None:
    """Each cluster's actions stand under its name, with what changes below them."""
    assert drawn(TWO_CLUSTERS) == [
        "Action    Object                                      Reason",
        "",
        "DaskCluster default/small",
        "+ create  Pod small-scheduler                         the cluster has no scheduler",
        "~ update  DaskWorkerGroup small-default-worker-group  the cluster wants other ones",
        "          spec.worker.replicas 2 → 3",
        "",
        "DaskCluster ml/big",
        "+ create  Pod big-scheduler                           the cluster has no scheduler",
        "- delete  Service big-old                             nobody wants it",
    ]


def test_a_thousand_actions_alike_are_a_few_lines_on_a_terminal() -> None:
    """A terminal shows the first of many alike and how many more there are; a pipe shows all."""
    result = passed(*(create(f"worker-{number:03}") for number in range(1000)))
    assert drawn(result)[-FEW - 1 :] == [
        "+ create  Pod worker-000  the cluster has no scheduler",
        "+ create  Pod worker-001  the cluster has no scheduler",
        "+ create  Pod worker-002  the cluster has no scheduler",
        "          … and 997 more",
    ]
    assert len(printed(result).splitlines()) == 1003


def test_what_is_held_back_is_in_the_plan_and_said_to_be_held() -> None:
    """Policy hides nothing: what it postpones is listed with its reason."""
    result = passed(postponed=[delete()])
    assert "- delete  Service small-old  postponed: nobody wants it" in drawn(result)
    assert "delete   Service default/small-old   postponed: nobody wants it" in printed(result)
    assert summary(result, rehearsed=True).endswith("Postponed: 1.")


def test_a_terminal_gets_colours_and_a_pipe_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escape codes are for terminals that want them."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m+ create" in printed(TWO_CLUSTERS, stream=Terminal())
    assert "\x1b" not in printed(TWO_CLUSTERS)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in printed(TWO_CLUSTERS, stream=Terminal())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (2, 3, "spec.worker.replicas 2 -> 3"),
        (None, "x", 'spec.worker.replicas = "x"'),
        ("x", None, 'spec.worker.replicas = "x" removed'),
        ({"a": 1}, [1], 'spec.worker.replicas {"a": 1} -> [1]'),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}, "spec.worker.replicas.b 2 -> 3; spec.worker.replicas.c = 4"),
        ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 3}], "spec.worker.replicas[1].b 2 -> 3"),
        ([{"a": 1}], [{"a": 1}, {"b": 2}], 'spec.worker.replicas [{"a": 1}] -> [{"a": 1}, {"b": 2}]'),
        ([], ["x"], 'spec.worker.replicas [] -> ["x"]'),
    ],
)
def test_a_change_is_told_in_words(old: object, new: object, words: str) -> None:
    """A change shows the field, what it was and what it becomes; of structures only what differs in them."""
    line = next(line for line in printed(passed(update(old, new))).splitlines() if line.startswith("update"))
    assert line.endswith(f"   {words}")


@pytest.mark.parametrize(("output", "load"), [(Output.JSON, json.loads), (Output.YAML, yaml.safe_load)])
def test_machines_get_the_whole_plan(output: Output, load: Any) -> None:
    """JSON and YAML hold the same: every action with its body and changes, what is postponed, and what is told."""
    broken = unreadable()
    result = passed(create(), update(), postponed=[delete()], findings=[finding()], unreadable=[broken])
    document = load(printed(result, output, ignored=["ConfigMap default/x"]))
    assert document["dryRun"] is True
    assert document["summary"] == {"create": 1, "update": 1, "record": 0, "delete": 0, "postponed": 1, "failed": 0}
    assert document["actions"][0]["action"] == "create"
    assert document["actions"][0]["kind"] == "Pod"
    assert document["actions"][0]["body"] == create().body
    assert document["actions"][1]["changes"] == [{"path": "spec.worker.replicas", "old": 2, "new": 3}]
    assert document["actions"][1]["owner"] == {"kind": "DaskCluster", "namespace": "default", "name": "small"}
    assert document["postponed"][0]["name"] == "small-old"
    assert document["findings"][0]["reason"] == "NameConflict"
    assert document["unreadable"][0]["error"] == broken.error
    assert document["ignored"] == ["ConfigMap default/x"]
    assert document["errors"] == {}


def test_yaml_repeats_itself_rather_than_refer() -> None:
    """What is in the plan twice is written twice: no reader has to follow anchors."""
    assert "&id" not in printed(passed(create("a"), create("b")), Output.YAML)


def test_a_real_pass_tells_results_and_what_went_wrong() -> None:
    """After a real pass, what was done counts, each action has its result, and failures have the server's words."""
    done, bad = create(), update()
    result = passed(done, bad, responses=[Response(done, Result.DONE), refused(bad)])
    document = json.loads(printed(result, Output.JSON, rehearsed=False))
    assert [action["result"] for action in document["actions"]] == ["done", "refused"]
    assert document["summary"] == {"create": 1, "update": 0, "record": 0, "delete": 0, "postponed": 0, "failed": 1}
    assert document["failures"][0]["error"] == "exceeded quota: pods"
    assert list(failures(result)) == [f"Could not update {bad.key}: exceeded quota: pods"]


def test_failures_name_lists_and_unreadable_objects_too() -> None:
    """Whatever kept the pass from its end is one line."""
    assert list(failures(unread("no way"))) == ["Could not list pods in all namespaces: no way"]
    assert list(failures(passed(unreadable=[unreadable()]))) == [
        "Could not read DaskCluster default/broken: spec.worker.replicas is -1; it must be 0 or more"
    ]


def test_findings_are_told_once_with_their_object() -> None:
    """A finding is shown with its resource's name in front, which its message does not have."""
    one = finding(Reason.INVALID)
    assert f"DaskCluster default/small: {one.message}\n" in printed(passed(findings=[one]))


@pytest.mark.parametrize(
    ("result", "rehearsed", "words"),
    [
        (passed(), True, "Nothing to do: there are no Dask resources."),
        (
            passed(objects=[cluster("one"), cluster("two")]),
            True,
            "Nothing to do: looked at 2 DaskClusters.",
        ),
        (passed(create(), create(), delete()), True, "Plan: 2 to create, 1 to delete."),
        (passed(create(), create(), delete()), False, "Done: 2 created, 1 deleted, in 0.6 s."),
        (passed(create(), responses=[refused(create())]), False, "Done: 0 created, 1 failed, in 0.6 s."),
        (unread(), True, "Nothing was planned, since not everything could be listed."),
    ],
)
def test_a_pass_is_summed_up_in_a_sentence(result: PassResult, rehearsed: bool, words: str) -> None:  # noqa: FBT001 - a table's column
    """The last line says what would be done, or was."""
    assert summary(result, rehearsed=rehearsed) == words
