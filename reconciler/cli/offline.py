"""A plan from manifests alone: a real pass on a Kubernetes in memory."""

import sys
from collections.abc import Iterable, Sequence
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
from reconciler.passes.values import PassResult
from reconciler.rules.reason_sets import UNBUILDABLE
from reconciler.rules.reasons import Reason
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import API

DEFINITIONS = Path(__file__).parents[2] / "crds"


FOR_EVER = (*UNBUILDABLE, Reason.NAME_CONFLICT, Reason.OTHER_OPERATOR)
"""What findings are about that end only when someone changes a manifest: until then, something is not made."""


def plan_manifests(invocation: Invocation) -> int:
    """Print the plan of the good manifests, what is wrong with the others, and what is left out.

    Returns:
        The exit code: that of the plan, or that of a failure if a manifest is wrong or something can never be made.
    """
    reading = manifests.read(invocation.files, invocation.namespace, sys.stdin)
    kept, left_out = manifests.owned(reading.manifests, keeps_uids=True)
    live = [each.body for each in kept if each.uid]
    api = MemoryAPI(now, objects=live, schemas=read_schemas(DEFINITIONS))
    refused, warned = _created(api, [each for each in kept if not each.uid])
    problems = [*reading.problems, *refused]
    warnings = [f"Warning: {warning}" for warning in (*reading.warnings, *warned)]
    _tell([*problems, *warnings, *left_out], reading.ignored)
    if (problems or left_out) and invocation.output is Output.TABLE and not any(map(api.objects, CUSTOM_KINDS)):
        return FAILED  # that there is nothing to do would be misleading
    result = Loop(api, invocation.settings, clock=now).once()
    code = print_result(result, invocation, rehearsed=True, ignored=reading.ignored)
    return FAILED if problems or left_out or _is_stuck(result) else code


def _tell(lines: Iterable[object], ignored: Sequence[str]) -> None:
    """Say beside the plan what is not in it."""
    for line in lines:
        sys.stderr.write(f"{line}\n")
    if ignored:
        sys.stderr.write(f"Ignored, as no business of the reconciler's: {', '.join(ignored)}.\n")


def _is_stuck(result: PassResult) -> bool:
    return any(finding.reason in FOR_EVER for finding in result.plan.findings)


def _created(api: API, found: Iterable[Manifest]) -> tuple[list[Problem], list[Problem]]:
    """Create what the manifests say; why Kubernetes would refuse some of it, and what it would warn of."""
    refused, warned = [], []
    for manifest in found:
        try:
            reply = api.create(manifest.key.kind, manifest.body)
        except ApiError as error:
            refused.append(Problem(manifest.place, f"{manifest.key}: {error.message}"))
        else:
            warned += [Problem(manifest.place, f"{manifest.key}: {warning}.") for warning in reply.warnings]
    return refused, warned
