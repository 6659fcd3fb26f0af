"""A plan from manifests alone: a real pass on a Kubernetes in memory."""

import sys
from collections.abc import Iterable
from pathlib import Path

from models.kinds import CUSTOM_KINDS
from reconciler import manifests
from reconciler.cli.arguments import Invocation
from reconciler.cli.once import print_result
from reconciler.cli.render import Output
from reconciler.daemon.connection import now
from reconciler.daemon.exitcodes import FAILED
from reconciler.loop import Loop
from reconciler.manifests import Manifest, Problem
from reconciler.memory import MemoryAPI
from reconciler.memory import read as read_schemas
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import API

DEFINITIONS = Path(__file__).parents[2] / "crds"


def plan_manifests(invocation: Invocation) -> int:
    """Print the plan of the good manifests and what is wrong with the others.

    Returns:
        The exit code: that of the plan, or that of a failure if a manifest is wrong.
    """
    reading = manifests.read(invocation.files, invocation.namespace, sys.stdin)
    live = [each.body for each in reading.manifests if _is_live(each)]
    api = MemoryAPI(now, objects=live, schemas=read_schemas(DEFINITIONS))
    problems = [*reading.problems, *_created(api, [each for each in reading.manifests if not _is_live(each)])]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if reading.ignored:
        sys.stderr.write(f"Ignored, as no business of the reconciler's: {', '.join(reading.ignored)}.\n")
    if problems and invocation.output is Output.TABLE and not any(map(api.objects, CUSTOM_KINDS)):
        return FAILED  # that there is nothing to do would be misleading
    result = Loop(api, invocation.settings, clock=now).once()
    code = print_result(result, invocation, rehearsed=True, ignored=reading.ignored)
    return FAILED if problems else code


def _is_live(manifest: Manifest) -> bool:
    """Whether it was read from a Kubernetes, where it has a uid that others refer to."""
    return bool(manifest.body["metadata"].get("uid"))


def _created(api: API, found: Iterable[Manifest]) -> list[Problem]:
    """Create what the manifests say; what Kubernetes would have to say against it."""
    problems = []
    for manifest in found:
        try:
            reply = api.create(manifest.key.kind, manifest.body)
        except ApiError as error:
            problems.append(Problem(manifest.place, f"{manifest.key}: {error.message}"))
        else:
            problems += [Problem(manifest.place, f"{manifest.key}: {warning}.") for warning in reply.warnings]
    return problems
