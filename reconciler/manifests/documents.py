"""YAML and JSON texts as Kubernetes reads them: several documents in one, and no surprises of YAML 1.1.

Times stay text, `12:30` is no number of minutes, keys are text, and a key that is there twice is an error.
"""

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_SEPARATOR = re.compile(r"^(---|\.\.\.)(?=\s|$)", re.MULTILINE)
_NOT_JSON = (AttributeError, RecursionError, TypeError, ValueError)
"""What a value brings up that YAML can write and JSON cannot, or that its tag promises falsely."""
_PLAIN = "write it with text, numbers, lists and mappings alone"
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)$")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text.

    Args:
        number: Which, from 1 on; empty ones do not count.
        line: Where it begins, from 1 on.
        value: What is in it; `None` if it cannot be read.
        error: Why it cannot be read, with the line; empty if it can.
    """

    number: int
    line: int
    value: Any = None
    error: str = ""


def documents(text: str) -> Iterator[Document]:
    """Every document of a text; one that cannot be read does not hide the others."""
    number = 0
    for line, part in _parts(text):
        try:
            value = _loaded(part)
        except yaml.YAMLError as error:
            number += 1
            yield Document(number, line, error=_told(error, line))
            continue
        except _NOT_JSON as error:
            number += 1
            yield Document(number, line, error=f"holds what no manifest can: {error}; {_PLAIN}")
            continue
        if value is not None:
            number += 1
            yield Document(number, line, value)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The text between separators, each with the number of its first line."""
    starts = [0, *(match.end() for match in _SEPARATOR.finditer(text))]
    ends = [*(match.start() for match in _SEPARATOR.finditer(text)), len(text)]
    for start, end in zip(starts, ends, strict=True):
        yield text.count("\n", 0, start) + 1, text[start:end]


def _loaded(text: str) -> Any:
    """The value of a document, which must be one that JSON has too: no dates, no bytes, nothing that holds itself."""
    value = _parsed(text)
    json.dumps(value, allow_nan=False)
    return value


def _parsed(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            pass  # a flow mapping of YAML begins like JSON
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader


def _told(error: yaml.YAMLError, first_line: int) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    where = f" in line {first_line + mark.line}, column {mark.column + 1}" if mark else ""
    hint = "; indent with spaces, not tabs" if "'\\t'" in problem else ""
    return f"is not YAML{where}: {problem}{hint}"


class _Loader(yaml.SafeLoader):
    """Reads what Kubernetes would."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - the base class's
        """A mapping with keys that are text, each there once."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
            if key_node.value in seen:
                problem = f"the key {key_node.value!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key_node.value)
        self.flatten_mapping(node)  # what `<<` brings may be there twice: the mapping's own wins
        return {str(key.value): self.construct_object(value, deep=deep) for key, value in node.value}


_DROPPED = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _DROPPED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)
