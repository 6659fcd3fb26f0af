"""Kubeconfig files, several as one, and what a context of theirs says."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kubecluster.errors import NoKubernetes, WrongContext

DEFAULT = "~/.kube/config"


@dataclass(frozen=True, slots=True)
class Context:
    """A context, and what it names.

    Attributes:
        name: its name.
        namespace: where one is without saying so, or nothing.
        cluster: how the API server is reached.
        user: who one is.
        folder: what paths in `user` start from.
    """

    name: str
    namespace: str
    cluster: dict[str, Any]
    user: dict[str, Any]
    folder: Path


@dataclass(frozen=True, slots=True)
class Files:
    """Kubeconfig files as one; of two entries of a name the first counts.

    Args:
        documents: what is in each.
    """

    documents: dict[Path, dict[str, Any]]

    def __str__(self) -> str:
        return os.pathsep.join(map(str, self.documents))

    def context(self, wanted: str | None) -> Context:
        """A context.

        Args:
            wanted: its name; the current one by default.

        Raises:
            WrongContext: there is none of that name.
            NoKubernetes: none is current, or it names what is not there.
        """
        name = wanted or next(filter(None, self._current()), None)
        known = ", ".join(repr(item["name"]) for _, item in self._items("contexts")) or "none"
        if not name:
            raise NoKubernetes(f"{self}: no current-context is set. Name one of the contexts: {known}.")
        context = self._entry("contexts", name)
        if context is None:
            raise WrongContext(f"{self}: there is no context {name!r}. Name one of those that there are: {known}.")
        _, words = context
        _, cluster = self._named(name, "clusters", str(words.get("cluster")))
        user = str(words.get("user") or "")
        path, who = self._named(name, "users", user) if user else (Path(), {})
        return Context(str(name), str(words.get("namespace") or ""), cluster, who, path.parent)

    def _current(self) -> Iterator[Any]:
        return (document.get("current-context") for document in self.documents.values())

    def _items(self, section: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path, document in self.documents.items():
            for item in document.get(section) or []:
                yield path, item

    def _entry(self, section: str, name: str) -> tuple[Path, dict[str, Any]] | None:
        found = ((path, item) for path, item in self._items(section) if item["name"] == name)
        path, item = next(found, (None, {}))
        return None if path is None else (path, item.get(section.removesuffix("s")) or {})

    def _named(self, context: str, section: str, name: str) -> tuple[Path, dict[str, Any]]:
        found = self._entry(section, name)
        if found is None:
            kind = section.removesuffix("s")
            raise NoKubernetes(f"{self}: context {context!r} names the {kind} {name!r}, which is not there: add it.")
        return found


def read(paths: str) -> Files:
    """Read kubeconfig files.

    Args:
        paths: a file, or several, separated as in `$KUBECONFIG`; those that are not there are left out.

    Raises:
        NoKubernetes: none is there, or one cannot be read.
    """
    named = [Path(path).expanduser().absolute() for path in paths.split(os.pathsep) if path]
    found = [path for path in named if path.exists()]
    if not found:
        raise NoKubernetes(
            f"No Kubernetes is configured: there is no {' and no '.join(map(str, named))}, and this is no Pod with a "
            "service account. Set KUBECONFIG to a kubeconfig file, or give one as `kubeconfig`."
        )
    return Files({path: _document(path) for path in found})


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
        if not isinstance(document, dict):
            raise NoKubernetes(f"{path} is no kubeconfig file: it holds no mapping. Name another one.")
        for section in ("clusters", "contexts", "users"):
            entries = document.get(section) or []
            if not isinstance(entries, list) or not all(isinstance(one, dict) and "name" in one for one in entries):
                raise NoKubernetes(
                    f"{path} is no kubeconfig file: {section} is no list of entries with names. Name another one."
                )
    except OSError as error:
        raise NoKubernetes(f"{path} cannot be read: {error.strerror}. Check its permissions.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise NoKubernetes(f"{path} is not YAML: {error.problem} in line {line}. Correct it.") from None
    except (yaml.YAMLError, ValueError):
        raise NoKubernetes(f"{path} is no kubeconfig file: it is no text in UTF-8. Name another one.") from None
    return document


def without_values(error: Exception) -> str:
    """The part of an error that names no values, which may be secrets."""
    text = (str(error).splitlines() or [""])[0].partition(" in ")[0]
    return f"{text} is missing" if isinstance(error, LookupError) else text or "it is of another form"
