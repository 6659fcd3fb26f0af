"""A container's volumes without mounting: the paths in its command, arguments and variables are rewritten instead."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.local.containers.variables import Unavailable, expanded
from reconciler.local.containers.volumes import Missing, Shelf
from reconciler.local.files.supplies import Supplies
from reconciler.wire.protocol import Body

_PATH = re.compile(r"[^\s\"'`:,;=()|&<>]*")
# A path begins where no other goes on: not in /my/scripts, ~/scripts or $HOME/scripts, but in file:///scripts and
# -I/scripts. It ends where its name does: not in /scripts2, /scripts.py or /scripts*.
_BEGINS = r"(?:(?<![\w./~+@%})\]*?\\$-])|(?<=file://)|(?<=\s-[A-Za-z])|(?<=^-[A-Za-z]))"
_ENDS = r"(?![\w.+@%~*?\[{$\\-])"


@dataclass(frozen=True, slots=True)
class Mounts:
    """A container's mounts.

    Args:
        given: Where each path in the container is on this machine.
        missing: Those that cannot be given.
    """

    given: Mapping[str, str]
    missing: tuple[Missing, ...] = ()

    @classmethod
    def of(
        cls,
        pod: Body,
        container: Body,
        supplies: Supplies,
        directory: Path,
        variables: Mapping[str, str] | None = None,
    ) -> "Mounts":
        """Give a container what it mounts, as far as that can be done.

        Args:
            pod: The Pod.
            container: The container.
            supplies: The ConfigMaps and Secrets there are.
            directory: The Pod's own directory.
            variables: The container's environment, for `subPathExpr`.

        Raises:
            Unavailable: a ConfigMap or a Secret is not there, or files cannot be written.
        """
        shelf = Shelf(pod, container, supplies, directory.absolute() / "volumes")
        devices = container.get("volumeDevices") or ()
        missing = [Missing(device["devicePath"], device["name"], "block device") for device in devices]
        given: dict[str, str] = {}
        for mount in container.get("volumeMounts") or ():
            path = str(PurePosixPath("/", mount["mountPath"]))
            place, lacking = _placed(shelf, mount, path, variables or {})
            if place is not None:
                given[path] = str(place)
            missing += lacking
        return cls(given, tuple(missing))

    def rewritten(self, text: str) -> str:
        """A text of the manifest with every path below a mount leading to where that is on this machine.

        Expand first, rewrite then, and only once: where a mount's files are may itself be below another mount's path.

        Args:
            text: Part of the command, an argument, a variable's value or the working directory.
        """
        pieces, end = [], 0
        for start, path in self._occurrences(text):
            after = start + len(path)
            place = self.given.get(path, path)
            pieces += [text[end:start], place.rstrip("/") if text[after : after + 1] == "/" else place]
            end = after
        return "".join([*pieces, text[end:]])

    def impossible(self, texts: Iterable[str]) -> str | None:
        """Why the container cannot run; `None` if nothing is in its way.

        Args:
            texts: Its command, arguments and working directory, not rewritten; what they say of a mount that cannot be
                given must be on this machine.
        """
        lacking = {missing.path: missing for missing in self.missing}
        for text in texts:
            for start, path in self._occurrences(text):
                if path in lacking and not _is_here(text, start):
                    missing = lacking[path]
                    return (
                        f'{_path(text, start)} is not on this machine, and the volume "{missing.volume}" '
                        f"({missing.kind}) mounted at {path} cannot be given here; put it there, or mount a hostPath "
                        "volume that has it"
                    )
        return None

    def _occurrences(self, text: str) -> Iterator[tuple[int, str]]:
        """Where a text speaks of a mount, and of which: the deepest."""
        paths = sorted({*self.given, *(missing.path for missing in self.missing)} - {"/"}, key=len, reverse=True)
        if paths:
            pattern = f"{_BEGINS}({'|'.join(map(re.escape, paths))}){_ENDS}"
            yield from ((here.start(), here[1]) for here in re.finditer(pattern, text))


def _placed(
    shelf: Shelf, mount: Body, path: str, variables: Mapping[str, str]
) -> tuple[Path | None, Iterable[Missing]]:
    """Where what a mount gives is, and what is missing there."""
    name = mount["name"]
    for volume in shelf.pod["spec"].get("volumes") or ():
        if volume["name"] == name:
            try:
                return shelf.place(volume, path, _sub_path(mount, variables))
            except OSError as error:
                raise Unavailable(f'volume "{name}" cannot be given: {error}') from error
    raise Unavailable(f'{path} is of volume "{name}", which the Pod does not have; add it to its volumes')


def _sub_path(mount: Body, variables: Mapping[str, str]) -> str:
    expression = mount.get("subPathExpr")
    if not expression:
        return str(mount.get("subPath") or "")
    (path,) = expanded([expression], variables)
    if "$(" in path:
        raise Unavailable(f"subPathExpr {expression} names a variable that the container does not have; add it to env")
    return path


def _path(text: str, start: int) -> str:
    """The path that begins somewhere in a text, as far as can be told."""
    here = _PATH.match(text, start)
    return here[0] if here else ""


def _is_here(text: str, start: int) -> bool:
    """Whether the path is on this machine; of one with wildcards, the directory."""
    path = _path(text, start)
    plain = re.split(r"[*?\[{$]", path)[0]
    if plain != path:
        path = plain.rpartition("/")[0]
    return any(map(_exists, (path, text[start:])))


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False  # it is too long, or in a directory that is not ours
