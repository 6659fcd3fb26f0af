"""When each object was created and each Pod ran, from the API server's audit log: exact, and without asking anyone."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from models.kinds import DASK_CLUSTER, POD
from tests.realcluster.pki import USERS

_WRITES = (b'"verb":"create"', b'"verb":"patch"')
_LEAST_FAILURE = 300
Times = dict[str, float]
"""By name, when the server had answered, in seconds since the epoch."""


class Trail:
    """What was written so far, by namespace.

    Args:
        path: the audit log.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""
        self._clusters: dict[str, Times] = {}
        self._pods: dict[str, Times] = {}
        self._started: dict[str, Times] = {}

    def close(self) -> None:
        """Close the log."""
        self._file.close()

    def created_clusters(self, namespace: str) -> Times:
        """When each DaskCluster of a namespace was created."""
        self._read()
        return self._clusters.get(namespace, {})

    def created_pods(self, namespace: str) -> Times:
        """When each Pod of a namespace was created."""
        self._read()
        return self._pods.get(namespace, {})

    def started_pods(self, namespace: str) -> Times:
        """When each Pod of a namespace became Running: kwok's first write to its status."""
        self._read()
        return self._started.get(namespace, {})

    def _read(self) -> None:
        """Take in the lines that are whole by now."""
        lines = (self._rest + self._file.read()).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if any(verb in line for verb in _WRITES):
                self._note(json.loads(line))

    def _note(self, event: dict[str, Any]) -> None:
        place, verb = event.get("objectRef", {}), event["verb"]
        if event.get("responseStatus", {}).get("code", 0) >= _LEAST_FAILURE or "name" not in place:
            return
        what = (verb, place["resource"], place.get("subresource", ""))
        if what == ("create", POD.plural, ""):
            times = self._pods
        elif what == ("create", DASK_CLUSTER.plural, ""):
            times = self._clusters
        elif what == ("patch", POD.plural, "status") and event["user"]["username"] == USERS["kwok"].name:
            times = self._started
        else:
            return
        at = datetime.fromisoformat(event["stageTimestamp"]).timestamp()
        times.setdefault(place["namespace"], {}).setdefault(place["name"], at)
