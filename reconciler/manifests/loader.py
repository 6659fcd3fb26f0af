"""The value of one document, as Kubernetes would read it, within bounds: no text takes for ever, or ends the program.

A document may be short and yet come to billions of values, by aliases of aliases, or be nested more deeply than any
program can follow. Both are refused while it is read.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import yaml

from reconciler.manifests.yaml_rules import LOADERS, MOST_LEVELS, TOO_DEEP, Rules, Twice

LONGEST_YAML = 10_000_000
"""How many characters of YAML are read, which takes seconds; JSON takes a hundredth of that."""

LONGEST_EXPLAINED = 1_000_000
"""How many characters are read a second time, slowly, so that what is wrong is told in good words."""

_JSON = re.compile(r'\s*\{\s*"')


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
        raise NotLoadable(TOO_DEEP) from None
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
        raise NotLoadable(TOO_DEEP)
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
    *quick, last = LOADERS if len(text) <= LONGEST_EXPLAINED else LOADERS[:1]
    for loader in quick:
        with suppress(yaml.YAMLError, UnicodeEncodeError):
            return _read(loader(text))
    try:
        return _read(last(text))
    except yaml.YAMLError as error:
        raise _told(error) from None


def _read(reader: Rules) -> Loaded:
    return Loaded(reader.get_single_data(), sorted(reader.twice, key=lambda each: each.line))


def _told(error: yaml.YAMLError) -> NotLoadable:
    if isinstance(error, yaml.reader.ReaderError):
        code = ord(error.character) if isinstance(error.character, str) else error.character
        return NotLoadable(f"no text may have the character U+{code:04X}; remove it", error.position)
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return NotLoadable(problem, None if mark is None else mark.index)
