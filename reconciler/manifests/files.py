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
SAVE = "save it in UTF-8"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How a text in UTF-16 begins."""

MOST_BYTES = 50_000_000
"""How much is read of one file: more than people write, and less than would exhaust a machine."""

TOO_LARGE = f"is larger than {MOST_BYTES // 1_000_000} MB, the most that is read at once; split it."


@dataclass(frozen=True, slots=True)
class Text:
    """What is in a file.

    Args:
        place: The file, as it was named; or a folder, or `standard input`.
        content: What is in it, its lines ended by newlines whatever ends them there.
        error: Why it cannot be read, as the end of a sentence about the place; empty if it can.
        is_missing: Whether there is no such file.
    """

    place: str
    content: str = ""
    error: str = ""
    is_missing: bool = False


def texts(paths: Iterable[str], standard_input: TextIO | None) -> Iterator[Text]:
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
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        return unreadable(str(file), error)
    return _text(str(file), content)


def text_of_stream(standard_input: TextIO | None) -> Text:
    """What is in standard input, or why it cannot be read."""
    place = "standard input"
    if standard_input is None:
        return Text(place, error="is closed; pipe manifests into it, or name a file.")
    try:
        binary = getattr(standard_input, "buffer", None)  # its own decoding depends on the user's settings
        content = standard_input.read(MOST_BYTES + 1).encode() if binary is None else binary.read(MOST_BYTES + 1)
    except OSError as error:
        return unreadable(place, error)
    except ValueError:  # somebody has closed it, or put halves of characters into it
        return Text(place, error="cannot be read; pipe manifests into it, or name a file.")
    return _text(place, content)


def unreadable(place: str, error: OSError) -> Text:
    """What is to be said of a file or folder that the system does not let us read."""
    reason = error.strerror or str(error) or type(error).__name__
    return Text(place, error=f"cannot be read: {reason}.", is_missing=isinstance(error, FileNotFoundError))


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
        unreadable(str(error.filename or folder), error)
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


def _text(place: str, content: bytes) -> Text:
    """What bytes say, with plain ends of lines."""
    if len(content) > MOST_BYTES:
        return Text(place, error=TOO_LARGE)
    try:
        decoded = content.decode("utf-8")
    except UnicodeDecodeError as error:
        if content.startswith(UTF_16):
            return Text(place, error=f"is text in UTF-16; {SAVE}.")
        line = content.count(b"\n", 0, error.start) + 1
        where = f"line {line} has the byte 0x{content[error.start]:02x}"
        return Text(place, error=f"is not text in UTF-8: {where}; {SAVE}.")
    if "\0" in decoded[:4]:
        return Text(place, error=f"holds zero bytes, as text in UTF-16 does, and what is no text; {SAVE}.")
    return Text(place, decoded.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n"))
