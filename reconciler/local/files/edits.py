"""What an edit has changed, in words."""

from collections.abc import Iterator, Sequence

from models.kinds import Key
from reconciler.cli.render import changed
from reconciler.local.files.supplies import SECRET, Supply
from reconciler.memory.metadata import MAPS, SYSTEM
from reconciler.passes.merge_patch import changes, merge_patch
from reconciler.passes.values import Action, Change, Verb
from reconciler.wire.protocol import Body
from reconciler.wire.wording import brief

MOST_SHOWN = 5
"""How many fields are told; of the others, how many there are."""

_ARROW = "→"


def users_part(body: Body) -> Body:
    """An object without what only the API sets: its status, and of its metadata uid, versions and times.

    Labels and annotations are there even if they are empty, so that who removes the last removes only that.
    """
    given = {name: value for name, value in body["metadata"].items() if name not in SYSTEM}
    metadata = {**given, **{name: given.get(name) or {} for name in MAPS}}
    return {**{name: value for name, value in body.items() if name != "status"}, "metadata": metadata}


def object_edit(key: Key, before: Body, after: Body) -> str:
    """What has changed in an object of the API, such as `spec.worker.replicas 2 → 5`; empty if nothing has.

    Args:
        key: Which object.
        before: The object before.
        after: The object after.
    """
    old, new = users_part(before), users_part(after)
    action = Action(Verb.UPDATE, key, key, key, "", changes=tuple(changes(old, merge_patch(old, new))))
    return _listed([_unless_cut(line) for line in changed(action, _ARROW)])


def supply_edit(before: Supply, after: Supply) -> str:
    """What has changed in a ConfigMap or a Secret; empty if nothing has. Of a Secret no value is shown."""
    return _listed(list(_supply_changes(before, after)))


def _supply_changes(before: Supply, after: Supply) -> Iterator[str]:
    for name in sorted(before.data.keys() | after.data.keys()):
        old, new = before.data.get(name), after.data.get(name)
        if old == new:
            continue
        if after.kind == SECRET:
            yield f"data.{name} {'added' if old is None else 'removed' if new is None else 'changed'}"
        else:
            yield _unless_cut(_in_words(Change(f"data.{name}", old, new)))


def _in_words(change: Change) -> str:
    """A change of bytes, as `render.changed` tells one of text."""
    old, new = (None if value is None else brief(value.decode(errors="replace")) for value in (change.old, change.new))
    if old is None:
        return f"{change.path} = {new}"
    return f"{change.path} = {old} removed" if new is None else f"{change.path} {old} {_ARROW} {new}"


def _unless_cut(line: str) -> str:
    """A change, but for one that is behind what is shown of the values: that it is one must do."""
    left, _, new = line.rpartition(f" {_ARROW} ")
    return f"{left.removesuffix(f' {new}')} changed" if new and left.endswith(f" {new}") else line


def _listed(lines: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = [f"and {len(lines) - MOST_SHOWN} more"] if len(lines) > MOST_SHOWN else []
    return "; ".join([*lines[:MOST_SHOWN], *more])
