"""Whether a program works: it is run, since one that is only there may be broken, or lack its engine."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

LONGEST_SECONDS = 60


def trouble(*command: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Why a command fails that does something harmless, in words; empty if it succeeds.

    Args:
        command: A program and its arguments.
        cwd: Where it runs; here by default.
        environment: Its variables; this process's own by default.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = (done.stderr.strip() or done.stdout.strip())[-2000:]
    return "" if done.returncode == 0 else f"`{' '.join(command)}` failed with {done.returncode}: {said}"


def works(*command: str) -> bool:
    """Whether a command succeeds."""
    return not trouble(*command)
