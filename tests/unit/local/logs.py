"""A container's log file that is written and followed."""

from pathlib import Path

from reconciler.local.containers.logs import Logs


def append(file: Path, data: bytes) -> None:
    with file.open("ab") as log:
        log.write(data)


def followed(file: Path) -> Logs:
    logs = Logs()
    logs.follow(file, "pod", None)
    return logs


def texts(logs: Logs) -> list[str]:
    return [line.text for line in logs.lines()]
