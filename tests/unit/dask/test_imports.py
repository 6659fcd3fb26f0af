"""What would execute a scheduler's words is not there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import reconciler

DAEMON = Path(reconciler.__file__).parent
FORBIDDEN = {"cloudpickle", "dask", "distributed", "marshal", "msgpack", "pickle", "shelve"}


def imported(path: Path) -> Iterator[str]:
    """The first names of the packages that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_nothing_in_the_daemon_imports_what_unpickles() -> None:
    """What `local` starts as processes of its own imports Dask there."""
    files = [path for path in DAEMON.rglob("*.py") if DAEMON / "local" / "containers" / "inside" not in path.parents]
    assert {path.name: names for path in files if (names := FORBIDDEN & set(imported(path)))} == {}
