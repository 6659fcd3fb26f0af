"""What a process used, from /proc."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def highest_megabytes(pid: int) -> float:
    """The most memory that a process ever held (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def find(program: str, argument: str) -> int:
    """The process of a program that was given an argument with this text in it.

    Raises:
        LookupError: there is none.
    """
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile
            continue
        if Path(os.fsdecode(command[0])).name == program and argument.encode() in b"\0".join(command):
            return int(path.parent.name)
    raise LookupError(f"no {program} runs with {argument}")
