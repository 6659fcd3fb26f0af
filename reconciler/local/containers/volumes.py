"""A Pod's volumes as files below its own directory.

configMap, secret, downwardAPI, projected    files, written anew whenever a container starts
emptyDir, ephemeral                          a directory that the Pod's containers share and that outlives them
hostPath                                     the path itself, if it is there
all others                                   cannot be given
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.local.containers import downward
from reconciler.local.files.supplies import CONFIG_MAP, SECRET, Supplies, Unavailable, found
from reconciler.wire.protocol import Body

WRITTEN = ("configMap", "secret", "downwardAPI", "projected")
EMPTY = ("emptyDir", "ephemeral")
HOST_PATH = "hostPath"
GIVEN = (*WRITTEN, *EMPTY, HOST_PATH)
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the machine's own is what a Pod would get


def source(volume: Body) -> tuple[str, Body]:
    """A volume's kind, such as `configMap`, and what the manifest says of it."""
    said = ((kind, body) for kind, body in volume.items() if kind != "name" and body is not None)
    return next(said, ("emptyDir", {}))


@dataclass(frozen=True, slots=True)
class Missing:
    """A mount that cannot be given.

    Args:
        path: Where it would be.
        volume: Its volume's name.
        kind: What it is, such as `persistentVolumeClaim`.
    """

    path: str
    volume: str
    kind: str


@dataclass(frozen=True, slots=True)
class File:
    """A file of a volume.

    Args:
        path: Where it is in the volume.
        content: What it holds; `None` if it cannot be given.
        kind: What it is, if it cannot be given.
        is_executable: Whether it is a program.
    """

    path: str
    content: bytes | None
    kind: str = ""
    is_executable: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where a Pod's volumes are kept.

    Args:
        pod: The Pod.
        container: The container that mounts them.
        supplies: The ConfigMaps and Secrets there are.
        directory: Where the volumes' directories are.
    """

    pod: Body
    container: Body
    supplies: Supplies
    directory: Path

    def place(self, volume: Body, path: str, below: str) -> tuple[Path | None, Iterable[Missing]]:
        """Where what is mounted at a path is, and what is missing there.

        Args:
            volume: The volume.
            path: The path in the container.
            below: The path in the volume; empty for all of it.

        Raises:
            Unavailable: a ConfigMap or a Secret is not there, or a path leads out of the volume.
            OSError: files cannot be written.
        """
        kind, said = source(volume)
        name = volume["name"]
        if kind == HOST_PATH:
            here = Path(said["path"])
            is_given = here.exists() or str(here) == path
            return (_below(here, below, name), ()) if is_given else (None, [Missing(path, name, f"{kind} {here}")])
        if kind in EMPTY and path == SHARED_MEMORY and not below and Path(SHARED_MEMORY).is_dir():
            return Path(SHARED_MEMORY), ()
        if kind not in GIVEN:
            return None, [Missing(path, name, kind)]
        folder = _inside(self.directory, name, "the name of a volume")
        folder.mkdir(parents=True, exist_ok=True)
        there = _below(folder, below, name)
        if kind in EMPTY:
            there.mkdir(parents=True, exist_ok=True)
            return there, ()
        files = list(self._files(kind, said))
        _write([file for file in files if file.content is not None], folder)
        return there, list(_lacking(files, name, path, below))

    def _files(self, kind: str, said: Body) -> Iterator[File]:
        mode = said.get("defaultMode")
        match kind:
            case "configMap":
                yield from self._supplied(CONFIG_MAP, said, "name", mode)
            case "secret":
                yield from self._supplied(SECRET, said, "secretName" if "secretName" in said else "name", mode)
            case "downwardAPI":
                for item in said.get("items") or ():
                    yield File(item["path"], self._told(item).encode())
            case "projected":
                for each in said.get("sources") or ():
                    for part, inner in each.items():
                        yield from self._files(part, {"defaultMode": mode, **(inner or {})})
            case _:
                yield File(said.get("path") or "", None, kind)

    def _supplied(self, kind: str, said: Body, name: str, default_mode: int | None) -> Iterator[File]:
        """The files that a ConfigMap or a Secret comes to."""
        supply = found(self.supplies, kind, self.pod["metadata"]["namespace"], said, name)
        if supply is None:
            return
        for item in said.get("items") or [{"key": key, "path": key} for key in supply.data]:
            if item["key"] in supply.data:
                mode = item.get("mode", default_mode) or 0
                yield File(item["path"], supply.data[item["key"]], is_executable=bool(mode & 0o111))
            elif not said.get("optional"):
                raise Unavailable(f"couldn't find key {item['key']} in {kind} {supply.namespace}/{supply.name}")

    def _told(self, item: Body) -> str:
        if reference := item.get("resourceFieldRef"):
            return downward.resource(self.pod, self.container, reference)
        return downward.field(self.pod, (item.get("fieldRef") or {}).get("fieldPath", ""))


def _below(folder: Path, sub_path: str, volume: str) -> Path:
    return _inside(folder, sub_path, f'subPath of volume "{volume}"') if sub_path else folder


def _inside(folder: Path, path: str, what: str) -> Path:
    """A path in a folder.

    Raises:
        Unavailable: it would lead out of it.
    """
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise Unavailable(f"{what} is {path!r}; it must be a relative path without '..'")
    return folder.joinpath(*parts)


def _write(files: Iterable[File], folder: Path) -> None:
    """Let a folder hold these files and no others; who reads one meanwhile gets the old or the new one, whole."""
    wanted = {_inside(folder, file.path, "a file in a volume"): file for file in files}
    for old in [path for path in folder.rglob("*") if path.is_file() and path not in wanted]:
        old.unlink()
    for path, file in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.unlink(missing_ok=True)
        # Whatever mode the manifest asks for, it is the user's own: nobody else on this machine should read a Secret.
        partial.touch(mode=0o700 if file.is_executable else 0o600)
        partial.write_bytes(file.content or b"")
        partial.replace(path)


def _lacking(files: Iterable[File], volume: str, path: str, below: str) -> Iterator[Missing]:
    """The parts of a volume that cannot be given, such as a service account's token."""
    for file in files:
        if file.content is None and PurePosixPath(file.path).is_relative_to(below or "."):
            within = PurePosixPath(file.path).relative_to(below or ".")
            yield Missing(str(PurePosixPath(path, within)), volume, file.kind)
