"""How YAML is read: as Kubernetes would, within bounds, with a word on what is odd."""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from yaml.composer import Composer, ComposerError
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from reconciler.manifests.scalars import TYPES, only_plain
from reconciler.wire.wording import brief

MOST_LEVELS = 100
"""How deeply values may be nested; no manifest comes near."""

MOST_COPIES = 100_000
"""How many values aliases may add."""

TOO_DEEP = f"values are nested in more than {MOST_LEVELS} levels, as in no manifest"

_TAGS = "tag:yaml.org,2002:"
_MERGE = f"{_TAGS}merge"
_WRONG_VALUES = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)


class Twice(NamedTuple):
    """A key that a mapping has twice: in one line, and before that in another, both counted from 0."""

    key: str
    line: int
    first: int


def _refusal(words: str, mark: Any) -> ComposerError:
    """What ends the reading of a document, at a mark."""
    return ComposerError(None, None, words, mark)


@dataclass(frozen=True, slots=True)
class _Measure:
    """How many values a node comes to, with all that its aliases stand for, and in how many levels."""

    size: int
    levels: int


class Rules(Composer, SafeConstructor):
    """Reads what Kubernetes would, within bounds."""

    def __init__(self) -> None:
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        self._depth = 0
        self._written = 0
        self._measures: dict[int, _Measure] = {}
        self.twice: list[Twice] = []

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node that is measured."""
        event = self.peek_event()  # type: ignore[attr-defined]  # the parser's
        self._depth += 1
        if self._depth > MOST_LEVELS:
            raise _refusal(TOO_DEEP, event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None:
            if isinstance(event, yaml.AliasEvent):
                self._check_alias(node, event)
            else:
                self._measure(node)
                self._note_twice(node)
        return node

    def _check_alias(self, node: yaml.Node, event: yaml.AliasEvent) -> None:
        """Refuse what holds itself, or nests too deeply."""
        measure = self._measures.get(id(node))
        if measure is None:
            raise _refusal(f"&{event.anchor} holds itself; write out what is needed", event.start_mark)
        if self._depth + measure.levels > MOST_LEVELS:
            raise _refusal(TOO_DEEP, event.start_mark)

    def _measure(self, node: yaml.Node) -> None:
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        nodes = [each for pair in inner for each in pair] if isinstance(node, yaml.MappingNode) else inner
        parts = [self._measures[id(each)] for each in nodes]
        size = 1 + sum(part.size for part in parts)
        self._measures[id(node)] = _Measure(size, 1 + max((part.levels for part in parts), default=0))
        self._written += 1
        if size - self._written > MOST_COPIES:
            words = f"aliases make more than {MOST_COPIES} values of it; write out what is needed"
            raise _refusal(words, node.start_mark)

    def _note_twice(self, node: yaml.Node) -> None:
        """Note the keys that a mapping has twice, before what `<<` merges is put beside them."""
        lines: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line
            if key.value in lines:
                self.twice.append(Twice(key.value, line, lines[key.value]))
            lines[key.value] = line

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - the base class's
        """A value; its tag promises nothing false."""
        what = TYPES.get(node.tag.removeprefix(_TAGS))
        if what is None:
            tag = node.tag.replace(_TAGS, "!!")
            raise _refusal(f"the tag {tag} means nothing here; remove it", node.start_mark)
        try:
            value = super().construct_object(node, deep)
        except _WRONG_VALUES:
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            words = f"{brief(node.value)} cannot be read as {what}; correct it, or put it in quotes, without a tag"
            raise _refusal(words, node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the base class's
        """A mapping with keys that are text; of a key that is there twice, the last value counts."""
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refusal("a key must be text", key_node.start_mark)
        self.flatten_mapping(node)
        return {str(key.value): self.construct_object(value, deep=deep) for key, value in node.value}

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what `<<` brings in its place: as for kubectl, what follows it wins, and so does the first of a list."""
        merged = []
        for key, value in node.value:
            if key.tag != _MERGE:
                merged.append((key, value))
                continue
            for source in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                if not isinstance(source, yaml.MappingNode):
                    raise _refusal("only a mapping can be merged", source.start_mark)
                self.flatten_mapping(source)
                merged += source.value
        node.value = merged


@only_plain
class _PlainLoader(Rules, yaml.SafeLoader):
    """Is slow, and says well what is wrong."""

    def __init__(self, text: str) -> None:
        yaml.SafeLoader.__init__(self, text)
        Rules.__init__(self)


LOADERS: tuple[Callable[[str], Rules], ...] = (_PlainLoader,)
"""The readers of YAML, quickest first; the last says what is wrong."""

if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    @only_plain
    class _FastLoader(Rules, CParser, Resolver):
        """Is seven times as fast."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Resolver.__init__(self)
            Rules.__init__(self)

    LOADERS = (_FastLoader, _PlainLoader)
