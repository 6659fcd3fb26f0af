"""The value of one document, as Kubernetes would read it, within bounds: no text takes for ever, or ends the program.

A document may be short and yet come to billions of values, by aliases of aliases, or be nested more deeply than any
program can follow. Both are refused while it is read.
"""

import json
import math
import re
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
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

LONGEST_YAML = 10_000_000
"""How many characters of YAML are read, which takes seconds; JSON takes a hundredth of that."""

LONGEST_EXPLAINED = 1_000_000
"""How many characters are read a second time, slowly, so that what is wrong is told in good words."""

_TOO_DEEP = f"values are nested in more than {MOST_LEVELS} levels, as in no manifest"
_JSON = re.compile(r'\s*\{\s*"')
_TAGS = "tag:yaml.org,2002:"
_WRONG_VALUES = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)


class NotLoadable(Exception):
    """A document that cannot be read.

    Attributes:
        position: How many characters precede what is wrong, if that is known.

    Args:
        words: What is wrong.
        position: Where.
    """

    def __init__(self, words: str, position: int | None = None) -> None:
        super().__init__(words)
        self.position = position


class Twice(NamedTuple):
    """A key that a mapping has twice: in one line, and before that in another, both counted from 0."""

    key: str
    line: int
    first: int


class Loaded(NamedTuple):
    """What a document holds.

    Args:
        value: Its value: one that JSON has too.
        twice: The keys that a mapping of it has twice. The last one counts, as for kubectl.
    """

    value: Any
    twice: Sequence[Twice] = ()


def is_like_json(text: str) -> bool:
    """Whether a text begins as an object of JSON does; few flow mappings of YAML do."""
    return _JSON.match(text) is not None


def loaded(text: str) -> Loaded:
    """What a document holds.

    Raises:
        NotLoadable: it cannot be read.
    """
    try:
        found = _from_json(text) if text.lstrip().startswith("{") else _from_yaml(text)
        json.dumps(found.value, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise NotLoadable(_TOO_DEEP) from None
    except UnicodeEncodeError as error:
        half = error.object[error.start : error.end][:1].encode("unicode_escape").decode()
        raise NotLoadable(f"{half} is half a character; write the character itself") from None
    except ValueError:
        raise NotLoadable("a number is infinite, or none at all; write one that is") from None
    return found


def _from_json(text: str) -> Loaded:
    """The value of a text that begins like JSON; so does a flow mapping of YAML."""
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        try:
            return _from_yaml(text)
        except NotLoadable:
            if not is_like_json(text):
                raise
        raise NotLoadable(f"{_lowered(error.msg)}{_json_remedy(error)}", error.pos) from None
    except ValueError:  # a key twice, or too large a number: only the reader of YAML knows where
        return _from_yaml(text.replace("\t", " "))
    if _levels(value) > MOST_LEVELS:
        raise NotLoadable(_TOO_DEEP)
    return Loaded(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _json_remedy(error: json.JSONDecodeError) -> str:
    return " follows the object; put a line with --- between two objects" if error.msg == "Extra data" else ""


def _lowered(words: str) -> str:
    return words[:1].lower() + words[1:]


def _levels(value: Any) -> int:
    """How deeply a value is nested."""
    levels, inner = 0, [value]
    while inner:
        levels += 1
        inner = [
            item
            for each in inner
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
    return levels


def _from_yaml(text: str) -> Loaded:
    """What a YAML document holds: read quickly, and once more if something is wrong, for better words."""
    if len(text) > LONGEST_YAML:
        most = f"{LONGEST_YAML // 1_000_000} million characters"
        raise NotLoadable(f"a document has more than {most}; split it, or write it as JSON")
    *quick, last = _LOADERS if len(text) <= LONGEST_EXPLAINED else _LOADERS[:1]
    for loader in quick:
        with suppress(yaml.YAMLError, UnicodeEncodeError):
            return _read(loader(text))
    try:
        return _read(last(text))
    except yaml.YAMLError as error:
        raise _told(error) from None


def _read(reader: "_Rules") -> Loaded:
    return Loaded(reader.get_single_data(), sorted(reader.twice, key=lambda each: each.line))


def _refusal(words: str, mark: Any) -> ComposerError:
    """What ends the reading of a document, at a mark."""
    return ComposerError(None, None, words, mark)


def _told(error: yaml.YAMLError) -> NotLoadable:
    if isinstance(error, yaml.reader.ReaderError):
        code = ord(error.character) if isinstance(error.character, str) else error.character
        return NotLoadable(f"no text may have the character U+{code:04X}; remove it", error.position)
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return NotLoadable(problem, None if mark is None else mark.index)


@dataclass(frozen=True, slots=True)
class _Measure:
    """How many values a node comes to, with all that its aliases stand for, and in how many levels."""

    size: int
    levels: int


class _Rules(Composer, SafeConstructor):
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
            raise _refusal(_TOO_DEEP, event.start_mark)
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
            raise _refusal(_TOO_DEEP, event.start_mark)

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
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAGS}merge":
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
        self.flatten_mapping(node)  # what `<<` brings may be there twice: the mapping's own wins
        return {str(key.value): self.construct_object(value, deep=deep) for key, value in node.value}


@only_plain
class _PlainLoader(_Rules, yaml.SafeLoader):
    """Is slow, and says well what is wrong."""

    def __init__(self, text: str) -> None:
        yaml.SafeLoader.__init__(self, text)
        _Rules.__init__(self)


_LOADERS: tuple[Callable[[str], _Rules], ...] = (_PlainLoader,)
"""The readers of YAML, quickest first; the last says what is wrong."""

if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    @only_plain
    class _FastLoader(_Rules, CParser, Resolver):
        """Is seven times as fast."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Resolver.__init__(self)
            _Rules.__init__(self)

    _LOADERS = (_FastLoader, _PlainLoader)
