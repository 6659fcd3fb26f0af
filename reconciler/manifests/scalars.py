"""What plain words of YAML mean to Kubernetes, without the surprises of YAML 1.1.

Times stay text, `12:30` is no number of minutes, and `=` is but a character.
"""

import re
from typing import TypeVar

import yaml

TYPES = {
    "map": "a mapping",
    "seq": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "an empty value",
}
"""By their tags, what a manifest may hold."""

_TAGS = "tag:yaml.org,2002:"
_DROPPED = tuple(f"{_TAGS}{name}" for name in ("timestamp", "int", "float", "value"))
_INTEGER = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)$")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$")

Loader = TypeVar("Loader", bound="type[yaml.resolver.Resolver]")


def only_plain(loader: Loader) -> Loader:
    """Let a reader of YAML take plain words as Kubernetes does."""
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _DROPPED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver(f"{_TAGS}int", _INTEGER, list("-+0123456789"))
    loader.add_implicit_resolver(f"{_TAGS}float", _NUMBER, list("-+0123456789."))
    return loader
