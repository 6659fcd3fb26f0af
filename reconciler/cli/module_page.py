"""Writes docs/modules.md, where each module's one decision is: `python -m reconciler.cli.module_page`."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("reconciler", "models", "crdgen", "kubecluster/src/kubecluster")

HEAD = """\
# Modules

Each module's one decision, in its own words. [architecture.md](architecture.md) says how they work together.

This page is generated from the modules' docstrings; `make crds` writes it anew.
"""


def modules_page() -> str:
    """The page."""
    folders: dict[str, list[str]] = {}
    for path in _modules():
        folders.setdefault(path.parent.as_posix(), []).append(f"| [{path.stem}](../{path}) | {_decision(path)} |\n")
    tables = (
        f"\n## {folder}\n\n| module | what it decides |\n| --- | --- |\n{''.join(rows)}"
        for folder, rows in folders.items()
    )
    return HEAD + "".join(tables)


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py"), key=lambda path: (path.parent, path.name)):
            if not path.name.startswith("__"):
                yield path.relative_to(ROOT)


def _decision(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse((ROOT / path).read_text())) or ""
    return " ".join(docstring.partition("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    (ROOT / "docs" / "modules.md").write_text(modules_page())
