"""Which log lines a pass is worth."""

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.daemon.passlog import PassLog
from reconciler.passes.coverage import Coverage
from reconciler.passes.values import Action, PassResult, Response, Result, Verb
from reconciler.rules.reasons import Reason
from tests.builders import NOON, cluster, default_group, workers
from tests.unit.daemon.daskresults import CLUSTER as ASKED
from tests.unit.daemon.daskresults import HEAD, deleted, empty, going, seen
from tests.unit.daemon.daskresults import told as answered
from tests.unit.daemon.keeplogging import Lines
from tests.unit.daemon.passresults import (
    BIG,
    SMALL,
    create,
    delete,
    finding,
    passed,
    refused,
    unread,
    unreadable,
    update,
)


class Clock:
    """A clock that goes a second a look."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def events(lines: list[dict[str, object]], least: str = "info") -> list[object]:
    ranks = ["debug", "info", "warning", "error"]
    return [line["event"] for line in lines if ranks.index(str(line["level"])) >= ranks.index(least)]


def told(passes: list[PassResult], lines: Lines, *, rehearsed: bool = False) -> list[list[object]]:
    """The events at info and above of each pass."""
    log = PassLog(Clock(), rehearsed=rehearsed)
    found = []
    for result in passes:
        log(result)
        found.append(events(lines()))
    return found


def test_a_pass_that_did_something_is_one_line(lines: Lines) -> None:
    """The line counts what was done and how long it took, and leaves out what is nothing."""
    PassLog(Clock())(passed(create(), create("other"), delete()))
    (line,) = lines()
    assert {name: line[name] for name in ("event", "level", "created", "deleted", "seconds", "rounds")} == {
        "event": "pass.done",
        "level": "info",
        "created": 2,
        "deleted": 1,
        "seconds": 0.62,
        "rounds": 1,
    }
    assert "updated" not in line
    assert "failed" not in line


def test_what_was_reported_is_counted_apart(lines: Lines) -> None:
    """Statuses and Events are no changes to the world, but they are something that happened."""
    reports = (Response(create(), Result.DONE), Response(update(), Result.DONE))
    PassLog(Clock())(replace(passed(), reports=reports))
    (line,) = lines()
    assert (line["level"], line["reported"], "created" in line) == ("info", 2, False)


def test_a_pass_that_did_nothing_is_silent(lines: Lines) -> None:
    """Nothing happened, so nothing is said at info."""
    assert told([passed(), passed()], lines) == [[], []]


def test_a_failed_list_is_told_when_it_starts_and_when_it_ends(lines: Lines) -> None:
    """However many passes fail for the same reason, there are two lines; another reason is another line."""
    passes = [unread("silent for 30 s"), unread("silent for 31 s"), unread("refused"), passed(), passed()]
    assert told(passes, lines) == [
        ["list.failed"],
        [],
        ["list.failed", "list.failed.over"],
        ["list.failed.over"],
        [],
    ]


def test_the_end_of_a_trouble_says_how_long_it_lasted(lines: Lines) -> None:
    """Its line has the same key and the seconds since it started."""
    log = PassLog(Clock())
    for result in (unread(), unread(), passed()):
        log(result)
    start, end = (line for line in lines() if line["level"] != "debug")
    assert (start["level"], start["key"], start["message"]) == (
        "error",
        "pods in all namespaces",
        "the API server is silent for 30 s",
    )
    assert (end["level"], end["key"], end["lasted_seconds"]) == ("info", "pods in all namespaces", 1.0)


def test_a_failed_write_is_a_line_with_key_reason_and_message(lines: Lines) -> None:
    """Whoever reads it knows which object, why, and what the server said."""
    PassLog(Clock())(passed(create(), responses=[refused(create())]))
    line = next(line for line in lines() if line["event"] == "write.failed")
    assert line["level"] == "warning"
    assert (line["key"], line["reason"], line["message"]) == (
        "Pod default/small-scheduler",
        "Forbidden",
        "exceeded quota: pods",
    )
    assert (line["action"], line["owner"]) == ("create", "DaskCluster default/small")


def test_a_conflict_is_no_warning(lines: Lines) -> None:
    """Somebody else was faster: the next pass looks again, and nobody has to do anything."""
    PassLog(Clock())(passed(create(), responses=[Response(create(), Result.CONFLICT, error="modified")]))
    assert events(lines(), "warning") == []


def test_a_failed_write_lasts_as_long_as_its_owner_is_told(lines: Lines) -> None:
    """While a write waits for its backoff nothing is over, and nothing is told anew when it fails again."""
    failing = passed(create(), responses=[refused(create())])
    waiting = passed(findings=[finding(Reason.BACK_OFF)])
    assert told([failing, waiting, failing, waiting, passed(create())], lines) == [
        ["write.failed"],
        [],
        [],
        [],
        ["write.failed.over", "pass.done"],
    ]


def test_troubles_of_objects_neither_start_nor_end_with_a_failed_list(lines: Lines) -> None:
    """A pass that could not read the world does not know, so it says nothing of them."""
    broken = passed(findings=[finding()], unreadable=[unreadable()])
    assert told([broken, unread(), broken, passed()], lines) == [
        ["resource.finding", "object.unreadable"],
        ["list.failed"],
        ["list.failed.over"],
        ["resource.finding.over", "object.unreadable.over"],
    ]


def test_troubles_end_in_the_namespaces_that_were_read(lines: Lines) -> None:
    """However long another cannot be: else what is remembered of those that are gone would grow without end."""
    broken = passed(findings=[finding(about=BIG), finding(about=SMALL)])
    partly = replace(passed(), errors={"pods in ml": "silence"}, coverage=Coverage(frozenset({SMALL.namespace})))
    assert told([broken, partly, passed()], lines) == [
        ["resource.finding", "resource.finding"],
        ["list.failed", "resource.finding.over"],
        ["list.failed.over", "resource.finding.over"],
    ]


def test_troubles_do_not_end_with_a_pass_that_was_stopped_before_it_looked(lines: Lines) -> None:
    """A daemon that is stopped while it lists does not say that all is well; one cut short later has looked."""
    broken = passed(findings=[finding()])
    stopped = replace(passed(), is_cut=True, rounds=0)
    assert told([broken, stopped, broken, replace(passed(), is_cut=True)], lines) == [
        ["resource.finding"],
        [],
        [],
        ["resource.finding.over"],
    ]


def test_troubles_do_not_end_with_a_pass_that_left_the_tree_to_another(lines: Lines) -> None:
    """Neither do those with a group's status, which belongs to its cluster's tree."""
    of = cluster("small")
    group = default_group(of)
    report = Action(Verb.REPORT, group.key, group.key, of.key, "the status is news", {})
    fine = passed(objects=[of, group])
    failing = replace(fine, reports=(refused(report),))
    passes = [failing, replace(fine, left_out=frozenset({of.key})), fine]
    assert told(passes, lines) == [["write.failed"], [], ["write.failed.over"]]


def test_what_owners_are_told_is_logged_when_it_starts_and_ends(lines: Lines) -> None:
    """A finding that stays is one line, with the resource's key and the condition's reason."""
    log = PassLog(Clock())
    log(passed(findings=[finding(Reason.DELETION_CAP), finding(Reason.TERMINATING)]))
    first, second, _ = lines()
    assert (first["event"], first["level"], first["key"], first["reason"]) == (
        "resource.finding",
        "warning",
        "DaskCluster default/small",
        "DeletionCap",
    )
    assert (second["level"], second["reason"]) == ("info", "WaitingForTermination")


def test_a_rehearsed_plan_is_told_when_it_changes(lines: Lines) -> None:
    """A dry run says what would be done, once, and not as if it had been done."""
    first, second = passed(create(), update()), passed(create())
    passes = [first, first, unread(), first, second, passed(), passed()]
    assert told(passes, lines, rehearsed=True) == [
        ["pass.planned"],
        [],
        ["list.failed"],
        ["list.failed.over"],
        ["pass.planned"],
        ["pass.planned"],
        [],
    ]


def test_part_of_a_rehearsed_plan_is_no_change(lines: Lines) -> None:
    """A dry run that was cut short tells only of a plan that was not told at all."""
    part = replace(passed(create()), is_cut=True)
    passes = [part, part, passed(create(), update()), part]
    assert told(passes, lines, rehearsed=True) == [["pass.planned"], [], ["pass.planned"], []]


def test_a_rehearsed_plan_counts_what_would_be_done(lines: Lines) -> None:
    """Its line has a number by action, and what is postponed."""
    PassLog(Clock(), rehearsed=True)(passed(create(), update(), postponed=[delete()]))
    (line,) = lines()
    assert {name: line[name] for name in ("create", "update", "postponed")} == {
        "create": 1,
        "update": 1,
        "postponed": 1,
    }


def test_workers_that_retired_are_one_line_for_each_group(lines: Lines) -> None:
    """A warning if some were given up, with what was lost."""
    pods = workers(default_group(ASKED), ASKED, 1, 2, 3)
    for late, level in ((False, "info"), (True, "warning")):
        group = going(*pods, left=timedelta() if late else timedelta(minutes=1))
        left = {"running": 1} if late else {}
        inside = (empty(pods[0]), empty(pods[1]), empty(pods[2], **left))
        answers = [deleted(pod, group) for pod in pods]
        PassLog(Clock())(seen(ASKED, HEAD, group, *pods, answer=answered(*inside), responses=answers))
        (line,) = (each for each in lines() if each["event"] == "workers.retired")
        kept = {
            name: line.get(name) for name in ("level", "key", "handed_over", "given_up", "moved_bytes", "lost_tasks")
        }
        assert kept == {
            "level": level,
            "key": str(group.key),
            "handed_over": 2 if late else 3,
            "given_up": 1 if late else None,
            "moved_bytes": 1500,
            "lost_tasks": 1 if late else None,
        }
