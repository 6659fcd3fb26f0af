"""A pass as people and programs read it: a table on a terminal, aligned text in a pipe, JSON and YAML."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import groupby
from typing import Any, TextIO

import yaml
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from models.kinds import CUSTOM_KINDS, Key
from models.snapshot import count_by_kind
from reconciler.cli import profile
from reconciler.passes.values import PAST, Action, Finding, PassResult, Response, Result, Verb
from reconciler.wire.wording import brief

STYLES = {Verb.CREATE: "green", Verb.UPDATE: "yellow", Verb.RECORD: "cyan", Verb.DELETE: "red"}
SIGNS = {Verb.CREATE: "+", Verb.UPDATE: "~", Verb.RECORD: "·", Verb.DELETE: "-"}
"""Of what a plan consists of; statuses and Events follow from it and are not shown."""

ACTION_WIDTH = 10
MOST_ALIKE, FEW = 6, 3
"""Of more actions alike than that, a terminal shows a few."""

Row = tuple[Action, bool]
"""An action, and whether it is postponed."""


class Output(StrEnum):
    """How a pass is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def show(  # noqa: PLR0913 - each has a name at the call
    result: PassResult,
    output: Output,
    stream: TextIO,
    *,
    rehearsed: bool,
    ignored: Iterable[str] = (),
    profiled: bool = False,
) -> None:
    """Print a pass.

    Args:
        result: The pass.
        output: As what; a table is plain, without colour and uncut, where the stream is no terminal.
        stream: Where to.
        rehearsed: Whether nothing was written: then the plan is printed, else what was done.
        ignored: What was read beside it and means nothing to the reconciler.
        profiled: Whether to tell what each stage cost.
    """
    if output is Output.TABLE:
        _show_text(result, stream, rehearsed=rehearsed)
        if profiled:
            Console(file=stream, highlight=False).print(Text(), profile.table(result.costs, result.seconds))
        return
    shown = document(result, rehearsed=rehearsed, ignored=ignored)
    if profiled:
        shown["profile"] = profile.document(result.costs, result.seconds)
    text = json.dumps(shown, indent=2, ensure_ascii=False)
    if output is Output.JSON:
        stream.write(f"{text}\n")
    else:  # read back, so that nothing is shared: YAML would write that as anchors
        yaml.safe_dump(json.loads(text), stream, sort_keys=False, allow_unicode=True, width=120)


def document(result: PassResult, *, rehearsed: bool, ignored: Iterable[str] = ()) -> dict[str, Any]:
    """A pass as plain data: a summary, every action with its body, and what else there is to know."""
    responses = {id(response.action): response for response in result.responses}
    counted = result.plan.actions if rehearsed else _done(result)
    unreadable = result.snapshot.unreadable.values() if result.snapshot else ()
    return {
        "dryRun": rehearsed,
        "summary": {**_counts(counted), "postponed": len(result.plan.postponed), "failed": len(result.failures)},
        "actions": [_action(each, None if rehearsed else responses.get(id(each))) for each in result.plan.actions],
        "postponed": [_action(each, None) for each in result.plan.postponed],
        "findings": [_finding(each) for each in result.plan.findings],
        "unreadable": [{**_key(each.key), "error": each.error} for each in unreadable],
        "failures": [_failure(each) for each in result.failures],
        "ignored": list(ignored),
        "errors": dict(result.errors),
    }


def summary(result: PassResult, *, rehearsed: bool) -> str:
    """A pass in one sentence."""
    if result.errors and not result.plan.actions:
        return "Nothing was planned, since not everything could be listed."
    counts = {Verb(verb): count for verb, count in _counts(result.plan.actions).items() if count}
    postponed = f" Postponed: {len(result.plan.postponed)}." if result.plan.postponed else ""
    if not counts:
        return f"Nothing to do: {_read(result)}.{postponed}"
    if rehearsed:
        return f"Plan: {', '.join(f'{count} to {verb}' for verb, count in counts.items())}.{postponed}"
    done = Counter(action.verb for action in _done(result))
    failed = f", {len(result.failures)} failed" if result.failures else ""
    words = ", ".join(f"{done[verb]} {PAST[verb]}" for verb in counts) + failed
    return f"Done: {words}, in {sum(result.seconds.values()):.1f} s.{postponed}"


def failures(result: PassResult) -> Iterator[str]:
    """What went wrong in a pass, a line each."""
    for what, why in result.errors.items():
        yield f"Could not list {what}: {why}"
    for response in result.failures:
        yield f"Could not {response.action.verb} {response.action.key}: {response.error}"
    for unreadable in result.snapshot.unreadable.values() if result.snapshot else ():
        yield f"Could not read {unreadable.key}: {unreadable.error}"


def changed(action: Action, arrow: str) -> Iterator[str]:
    """What an action changes, such as `spec.worker.replicas 2 → 3`, each changed field of a structure by itself."""
    for change in action.changes:
        for path, old, new in _leaves(change.path, change.old, change.new):
            if old is None:
                yield f"{path} = {brief(new)}"
            elif new is None:
                yield f"{path} = {brief(old)} removed"
            else:
                yield f"{path} {brief(old)} {arrow} {brief(new)}"


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The fields that differ: within mappings, and within lists of as many mappings."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                yield from _leaves(f"{path}.{name}", old.get(name), new.get(name))
    elif _are_mappings(old) and _are_mappings(new) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                yield from _leaves(f"{path}[{number}]", before, after)
    else:
        yield path, old, new


def _are_mappings(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _show_text(result: PassResult, stream: TextIO, *, rehearsed: bool) -> None:
    console = Console(file=stream, highlight=False, soft_wrap=not stream.isatty())
    if rehearsed and (result.plan.actions or result.plan.postponed):
        if stream.isatty():
            console.print(table(result, console.width))
        else:
            stream.writelines(f"{line}\n" for line in _plain(result))
        console.print()
    for finding in result.plan.findings:
        console.print(Text(f"{finding.about}: {finding.message}", style="yellow"))
    console.print(Text(summary(result, rehearsed=rehearsed), style="bold"))


def table(result: PassResult, width: int) -> RenderableType:
    """The plan for a terminal of that width: the actions of each cluster or job under its name.

    Many alike are shown as a few and a number; a pipe, JSON and YAML show them all.
    """
    trees = _by_tree(result)
    longest = max(len(_within(action.key, tree)) for tree, rows in trees.items() for action, _ in rows)
    object_width = min(longest, (width - ACTION_WIDTH) * 3 // 5)
    lines: list[RenderableType] = [_row(object_width, Text("Action"), Text("Object"), Text("Reason"), style="dim")]
    for tree, rows in trees.items():
        lines += [Text(), Text(str(tree), style="bold")]
        for (action, is_postponed), more in _runs(rows):
            style = "dim" if is_postponed else STYLES[action.verb]
            reason = f"postponed: {action.reason}" if is_postponed else action.reason
            sign = Text(f"{SIGNS[action.verb]} {action.verb}", style=style)
            lines.append(_row(object_width, sign, Text(_within(action.key, tree)), Text(reason)))
            changes = [*changed(action, "→"), *([f"… and {more} more"] if more else [])]
            lines += [Padding(Text(each, style="dim"), (0, 0, 0, ACTION_WIDTH)) for each in changes]
    return Group(*lines)


def _row(object_width: int, action: Text, name: Text, reason: Text, style: str = "") -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=ACTION_WIDTH - 2)
    row.add_column(width=object_width, overflow="fold")
    row.add_column()
    row.add_row(action, name, reason, style=style)
    return row


def _runs(rows: Iterable[Row]) -> Iterator[tuple[Row, int]]:
    """The rows to show, each with the number of those after it that are left out for being alike."""
    for _, run in groupby(rows, key=lambda row: (row[0].verb, row[0].key.kind, row[0].reason, row[0].changes, row[1])):
        alike = list(run)
        shown = alike if len(alike) <= MOST_ALIKE else alike[:FEW]
        yield from ((row, 0) for row in shown[:-1])
        yield shown[-1], len(alike) - len(shown)


def _plain(result: PassResult) -> Iterator[str]:
    """One line an action, so that grep shows all of it."""
    rows = [("ACTION", "OBJECT", "REASON", "CHANGES")]
    for actions in _by_tree(result).values():
        for action, is_postponed in actions:
            changes = "; ".join(changed(action, "->"))
            reason = f"postponed: {action.reason}" if is_postponed else action.reason
            rows.append((action.verb, str(action.key), reason, changes))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _by_tree(result: PassResult) -> Mapping[Key, list[Row]]:
    """The actions, and those postponed, of each tree of resources."""
    trees: dict[Key, list[Row]] = {}
    for is_postponed, actions in ((False, result.plan.actions), (True, result.plan.postponed)):
        for action in actions:
            trees.setdefault(action.tree, []).append((action, is_postponed))
    return trees


def _within(key: Key, tree: Key) -> str:
    """The object, without its namespace where that is its cluster's."""
    return f"{key.kind} {key.name}" if key.namespace == tree.namespace else str(key)


def _done(result: PassResult) -> Iterator[Action]:
    return (response.action for response in result.responses if response.result is Result.DONE)


def _counts(actions: Iterable[Action]) -> dict[str, int]:
    counts = Counter(action.verb for action in actions)
    return {verb.value: counts[verb] for verb in PAST}


def _read(result: PassResult) -> str:
    counts = count_by_kind(result.snapshot) if result.snapshot else {}
    words = [f"{counts[kind]} {kind}{'s' if counts[kind] > 1 else ''}" for kind in CUSTOM_KINDS if counts.get(kind)]
    return f"looked at {', '.join(words)}" if words else "there are no Dask resources"


def _key(key: Key) -> dict[str, str]:
    return {"kind": key.kind.name, "namespace": key.namespace, "name": key.name}


def _action(action: Action, response: Response | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "action": action.verb.value,
        **_key(action.key),
        "owner": _key(action.owner),
        "reason": action.reason,
        "changes": [{"path": each.path, "old": each.old, "new": each.new} for each in action.changes],
        "body": action.body,
    }
    return shown | ({"result": response.result.value} if response else {})


def _finding(finding: Finding) -> dict[str, str]:
    return {**_key(finding.about), "reason": finding.reason.value, "message": finding.message}


def _failure(response: Response) -> dict[str, str]:
    action = response.action
    return {
        "action": action.verb.value,
        **_key(action.key),
        "result": response.result.value,
        "reason": response.reason,
        "error": response.error,
    }
