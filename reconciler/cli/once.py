"""One pass, dry or not, and what came of it."""

import sys
from collections.abc import Iterable
from contextlib import suppress

from reconciler.cli import render
from reconciler.cli.arguments import Invocation
from reconciler.daemon.connection import connected, now
from reconciler.daemon.exitcodes import CHANGES, DONE, FAILED
from reconciler.daemon.namespaces import absent, told
from reconciler.daemon.schedulers import schedulers_of
from reconciler.loop import Loop
from reconciler.memory import twin_of
from reconciler.passes.values import PassResult
from reconciler.wire.errors import ApiError


def run_once(invocation: Invocation) -> int:
    """Make one pass and print it.

    Raises:
        NoCluster: no cluster is configured, or wrongly.
    """
    settings = invocation.settings
    api = connected(settings)
    try:
        twin = twin_of if settings.dry_run else None
        result = Loop(api, settings, clock=now, twin=twin, schedulers=schedulers_of(settings, api)).once()
        missing: frozenset[str] = frozenset()
        with suppress(ApiError):  # what fails there has failed in the pass
            missing = absent(api, settings.namespaces)
    finally:
        api.close()
    code = print_result(result, invocation, rehearsed=settings.dry_run)
    for namespace in sorted(missing):
        sys.stderr.write(f"dask-reconciler: {told(namespace)}\n")
    return FAILED if missing else code


def print_result(result: PassResult, invocation: Invocation, *, rehearsed: bool, ignored: Iterable[str] = ()) -> int:
    """Print a pass; its exit code."""
    render.show(
        result, invocation.output, sys.stdout, rehearsed=rehearsed, ignored=ignored, profiled=invocation.profile
    )
    for failure in render.failures(result):
        sys.stderr.write(f"dask-reconciler: {failure}\n")
    if not result.ok or (result.snapshot and result.snapshot.unreadable):
        return FAILED
    pending = result.plan.actions or result.plan.postponed
    return CHANGES if invocation.exit_code and pending else DONE
