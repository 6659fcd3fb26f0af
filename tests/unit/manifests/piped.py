"""Manifests as they come through a pipe, and what is read of them."""

import io
from typing import Any

import yaml

from reconciler.manifests import Reading, read


def texts(*manifests: Any) -> str:
    return "---\n".join(yaml.safe_dump(manifest) for manifest in manifests)


def piped(*manifests: Any, namespace: str = "default") -> Reading:
    """What is read from standard input."""
    return read(["-"], namespace, io.StringIO(texts(*manifests)))


def problems(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems]
