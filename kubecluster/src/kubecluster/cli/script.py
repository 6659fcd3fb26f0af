"""A local script on its way into a DaskJob: the ConfigMap that carries it, and the manifest that runs it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from kubecluster.api import Body
from kubecluster.cli.job import RUNNER
from kubecluster.diagnosis.sight import items
from kubecluster.errors import Invalid
from kubecluster.names import DASK_JOB, NAMING
from kubecluster.options import Options

FOLDER = "/dask-job"
"""Where the runner's container has the script."""
KEY = "script"
LARGEST = 1 << 20
"""Kubernetes takes no larger ConfigMap."""
ROOM = 4096
"""Of which something is for names, labels and the like."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Python script and what it is given.

    Args:
        name: Its file's name.
        content: What is in it.
        arguments: What comes after it on the command line.
    """

    name: str
    content: bytes
    arguments: Sequence[str] = ()

    def settings(self, job: str) -> Body:
        """The ConfigMap that carries it.

        Args:
            job: The job's name, which is the ConfigMap's.

        Raises:
            Invalid: it is too large.
        """
        try:
            data: Body = {"data": {KEY: self.content.decode()}}
            size = len(self.content)
        except UnicodeDecodeError:
            data = {"binaryData": {KEY: base64.b64encode(self.content).decode()}}
            size = len(data["binaryData"][KEY])
        if size > LARGEST - ROOM:
            raise Invalid(
                f"{self.name} has {size / (1 << 20):.1f} MiB, and Kubernetes carries at most 1 MiB to a job. Put what "
                "makes it large into the image, or where the script can read it from."
            )
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": job}, "immutable": True, **data}

    @property
    def command(self) -> list[str]:
        """How it is run; Kubernetes would replace `$(NAME)`, and takes two dollars for one."""
        words = (f"{FOLDER}/{self.name}", *self.arguments)
        return ["python", *(word.replace("$", "$$") for word in words)]


def manifest(options: Options, script: Script) -> Body:
    """The DaskJob that runs a script on a cluster of its own.

    Args:
        options: What the cluster is to be; its name is the job's.
        script: The script.
    """
    cluster = options.manifest()
    (scheduler,) = items(cluster, "spec", "scheduler", "spec", "containers")
    unbuffered = {"name": "PYTHONUNBUFFERED", "value": "1"}
    named = [one["name"] for one in options.env]
    runner: Body = {
        "name": RUNNER,
        "image": options.image,
        "args": script.command,
        "env": [*options.env, *([] if unbuffered["name"] in named else [unbuffered])],
        "volumeMounts": [{"name": KEY, "mountPath": FOLDER, "readOnly": True}],
    }
    runner |= {"resources": scheduler["resources"]} if "resources" in scheduler else {}
    settings = {"name": options.name, "items": [{"key": KEY, "path": script.name}]}
    return {
        "apiVersion": DASK_JOB.api_version,
        "kind": DASK_JOB.name,
        "metadata": {"name": options.name, "annotations": {NAMING: str(options.naming)}},
        "spec": {
            "job": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [runner],
                    "volumes": [{"name": KEY, "configMap": settings}],
                }
            },
            "cluster": {"spec": cluster["spec"]},
        },
    }
