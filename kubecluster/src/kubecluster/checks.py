"""Checks of what people write: the value in one form, or an error that says what it is and what it must be.

Each check takes the value and what to call it in the error. A wrong type is a `TypeError`, a value that makes no sense
a `ValueError`, as in dask-kubernetes.
"""

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import Enum, StrEnum
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=StrEnum)

LARGEST_COUNT = 2**31 - 1
"""The greatest number of workers that a DaskCluster can have."""
LARGEST_PORT = 65535
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def text(value: Any, what: str) -> str:
    """Text."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is {value!r}; it must be text, in quotes")
    if not value:
        raise ValueError(f"{what} is empty; leave it out or write something")
    return value


def optional_text(value: Any, what: str) -> str | None:
    """Text, or `None` for an empty one: that is how a variable of the environment is unset where it cannot be."""
    return None if value == "" else text(value, what)


def namespace(value: Any, what: str) -> str | None:
    """A namespace, or `None` for an empty text."""
    name = optional_text(value, what)
    if name is not None and not _NAMESPACE.fullmatch(name):
        raise ValueError(
            f"{what} is {name!r}; it must be at most 63 lower-case letters, digits and '-', with a letter or digit at "
            "both ends; `kubectl get namespaces` lists those that there are"
        )
    return name


def path(value: Any, what: str) -> str | None:
    """A file's path; `~` is the user's home."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    written = optional_text(value, what)
    return None if written is None else os.path.expanduser(written)  # noqa: PTH111  # it may be a list of paths


def flag(value: Any, what: str) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} is {value!r}; it must be True or False")
    return value


def whole_number(value: Any, what: str, least: int = 0, most: int = LARGEST_COUNT) -> int:
    """A whole number between two bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} is {value!r}; it must be a whole number")
    if not least <= value <= most:
        bounds = f"{least} or more" if value < least else f"{most} or less"
        raise ValueError(f"{what} is {value}; it must be {bounds}")
    return value


def seconds(value: Any, what: str) -> float:
    """A length of time, above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} is {value!r}; it must be a number of seconds")
    if not value > 0:
        raise ValueError(f"{what} is {value}; it must be a number of seconds above 0")
    return value


def port(value: Any, what: str) -> int | None:
    """A port, or `None` for 0, which means any."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    return whole_number(number, what, most=LARGEST_PORT) or None


def choice(value: Any, what: str, choices: type[Choice]) -> Choice:
    """One of several words, however it is spelt: `create_only` and `CREATE-ONLY` are the same.

    Raises:
        TypeError: it is no word.
        ValueError: it is another one.
    """
    word = value.value if isinstance(value, Enum) else value
    if not isinstance(word, str):
        raise TypeError(f"{what} is {value!r}; it must be one of {listed(choices)}")
    for each in choices:
        if _plain(each) == _plain(word):
            return each
    raise ValueError(f"{what} is {word!r}; it must be one of {listed(choices)}{did_you_mean(word, choices)}")


def string_map(value: Any, what: str) -> dict[str, str]:
    """Names and texts, such as labels."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is {value!r}; it must be a dictionary of names and texts")
    return {text(name, f"a name in {what}"): written(each, f"{what}[{name!r}]") for name, each in value.items()}


def written(value: Any, what: str) -> str:
    """The value as Kubernetes wants it, which takes no numbers and truth values for texts.

    It stays out of the error: it may be secret.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise TypeError(f"{what} is of type {type(value).__name__}; it must be text")
    return str(value)


def listed(words: Iterable[str]) -> str:
    """Words with commas between them."""
    return ", ".join(words)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown word: the one that looks most like it, if there is any."""
    spelt = {_plain(each): each for each in known}
    close = get_close_matches(_plain(word), spelt, n=1)
    return f"; did you mean {spelt[close[0]]!r}?" if close else ""


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_")
