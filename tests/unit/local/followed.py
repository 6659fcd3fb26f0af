"""Manifests' files that are followed, and the API they are written into."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from models.kinds import ALL_KINDS, CONFIG_MAP, DASK_CLUSTER, SECRET, Key, Kind
from reconciler.cli.offline import DEFINITIONS
from reconciler.local.files.following import Following
from reconciler.local.files.supplies import Supplies, supplies
from reconciler.memory import MemoryAPI, Schemas
from reconciler.memory import read as read_schemas
from reconciler.wire.protocol import Body
from tests.manifests import cluster

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FILE = "cluster.yaml"
GONE = "deleted, since it is no longer in the files"


@cache
def schemas() -> Schemas:
    return read_schemas(DEFINITIONS)


def texts(*manifests: Body) -> str:
    return "---\n".join(yaml.safe_dump(manifest) for manifest in manifests)


def key(name: str, kind: Kind = DASK_CLUSTER, namespace: str = "default") -> Key:
    return Key(kind, namespace, name)


def running(image: str = "dask:1", **container: Any) -> Body:
    """A cluster whose workers run that image."""
    return cluster(spec={"containers": [{"name": "worker", "image": image, **container}]})


def supply(kind: str, name: str, **fields: Any) -> Body:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}


class Followed:
    """Files in the working directory, and what became of them.

    Args:
        paths: What is followed.
        piped: What is in standard input.
        api: The API, if it is a special one.
        clock: How long a look takes; no time by default.
    """

    def __init__(
        self, *paths: str, piped: str = "", api: MemoryAPI | None = None, clock: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.api = api or MemoryAPI(lambda: NOON, schemas=schemas())
        self.following = Following(self.api, paths or (FILE,), "default", io.StringIO(piped), clock)

    def says(self, *manifests: Body, file: str = FILE) -> list[str]:
        """What is told when a file holds these manifests."""
        return self.reads(texts(*manifests), file)

    def reads(self, text: str | bytes, file: str = FILE) -> list[str]:
        """What is told when a file holds this text."""
        Path(file).write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.polled()

    def polled(self) -> list[str]:
        """What is told now, each with its kind."""
        return [f"{told.kind}: {told.words}" for told in self.following.poll()]

    def body(self, name: str, kind: Kind = DASK_CLUSTER, namespace: str = "default") -> Any:
        """An object of the API; fails if there is none."""
        found = self.api.get(key(name, kind, namespace))
        assert found is not None, f"no {kind} {namespace}/{name} among {self.keys()}"
        return found

    @property
    def supplies(self) -> Supplies:
        """The ConfigMaps and Secrets of the API."""
        return supplies((*self.api.objects(CONFIG_MAP), *self.api.objects(SECRET)))

    def keys(self) -> list[str]:
        """All objects of the API."""
        bodies = [(kind, body["metadata"]) for kind in ALL_KINDS for body in self.api.objects(kind)]
        return [str(Key(kind, metadata["namespace"], metadata["name"])) for kind, metadata in bodies]
