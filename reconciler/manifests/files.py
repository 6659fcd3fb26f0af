"""Files, folders and standard input: which there are, and the text in each."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TextIO

SUFFIXES = (".yaml", ".yml", ".json")
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
STANDARD_INPUT = "-"

BYTE_ORDER_MARK = "\ufeff"
NO_TEXT = "is not text in UTF-8; save it so."


@dataclass(frozen=True, slots=True)
class Text:
    """What is in a file.

    Args:
        place: The file, as it was named; or a folder, or `standard input`.
        content: What is in it, its lines ended by newlines whatever ends them there.
        error: Why it cannot be read, as the end of a sentence about the place; empty if it can.
        is_missing: Whether it cannot be read because there is no such file.
    """

    place: str
    content: str = ""
    error: str = ""
    is_missing: bool = False


def texts(paths: Iterable[str], standard_input: TextIO) -> Iterator[Text]:
    """What is in files, in folders with everything below them, and in standard input, which is called `-`."""
    for path in paths:
        if path == STANDARD_INPUT:
            yield text_of_stream(standard_input)
        elif is_folder(Path(path)):
            files, problems = files_below(Path(path))
            yield from problems
            yield from map(text_of, files) if files or problems else [without_manifests(path)]
        else:
            yield text_of(Path(path))


def text_of(file: Path) -> Text:
    """What is in a file, or why it cannot be read."""
    try:
        content = file.read_bytes().decode("utf-8")
    except OSError as error:
        reason = f"cannot be read: {error.strerror}."
        return Text(str(file), error=reason, is_missing=isinstance(error, FileNotFoundError))
    except UnicodeDecodeError:
        return Text(str(file), error=NO_TEXT)
    return Text(str(file), _plain(content))


def text_of_stream(standard_input: TextIO) -> Text:
    """What is in standard input, or why it cannot be read."""
    try:
        return Text("standard input", _plain(standard_input.read()))
    except UnicodeDecodeError:
        return Text("standard input", error=NO_TEXT)


def files_below(folder: Path) -> tuple[Sequence[Path], Sequence[Text]]:
    """The manifests' files in a folder and the folders in it, in order, and which of these cannot be looked into.

    Hidden ones, and kustomizations, are left out.
    """
    errors: list[OSError] = []
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".") and name not in KUSTOMIZATIONS]
    problems = [
        Text(str(error.filename), error=f"cannot be read: {error.strerror}.")
        for error in errors
        if not isinstance(error, FileNotFoundError)  # it went while we looked
    ]
    return sorted(file for file in found if file.suffix in SUFFIXES and _may_be_read(file)), problems


def is_folder(path: Path) -> bool:
    """Whether there is a folder, as far as can be seen."""
    try:
        return S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def without_manifests(folder: str) -> Text:
    """What is to be said of a folder without any files for us."""
    return Text(str(Path(folder)), error=f"holds no manifests: no file ends in {', '.join(SUFFIXES)}.")


def _may_be_read(file: Path) -> bool:
    """Whether something is an ordinary file, or keeps its nature from us: reading it will tell why."""
    try:
        return S_ISREG(file.stat().st_mode)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _plain(content: str) -> str:
    return content.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")
