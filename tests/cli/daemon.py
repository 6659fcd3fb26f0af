"""The command as a process of its own, for what cannot be tried within ours: signals, pipes, its end."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEADLINE_SECONDS = 120.0
ROOT = Path(__file__).parents[2]

Line = dict[str, Any]


def environment(**more: str) -> dict[str, str]:
    """Ours, without settings of the reconciler and without proxies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DASK_RECONCILER_", "KUBE"))}
    return kept | {"no_proxy": "*"} | more


class Daemon:
    """A running reconciler, whose log lines are read as they come.

    Args:
        process: It, logging JSON to standard error.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[Line] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def event(self, name: str) -> Line:
        """The first line with that event, once it has come."""
        return self.line(lambda line: line.get("event") == name, name)

    def line(self, wanted: Callable[[Line], bool], what: str) -> Line:
        """The first line of some kind, once it has come."""
        with self._news:
            found = self._news.wait_for(lambda: [*filter(wanted, self.lines)], DEADLINE_SECONDS)
        assert found, f"no {what} in {DEADLINE_SECONDS:g} s; the log is {self.lines}"
        first: Line = found[0]
        return first

    @property
    def port(self) -> int:
        """Where it serves probes and metrics, once it does."""
        return int(self.event("daemon.started")["port"])

    def asked(self, path: str) -> tuple[int, str]:
        """Status and body of an answer of its server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ended(self, *signals: signal.Signals) -> int:
        """The exit code, after signals, each sent when the one before has been noticed."""
        for number, each in enumerate(signals):
            if number:
                self.event("daemon.stopping")
            self.process.send_signal(each)
        code = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for text in self.process.stderr:
            line = json.loads(text) if text.startswith("{") else {"text": text}
            with self._news:
                self.lines.append(line)
                self._news.notify_all()


@contextmanager
def running(arguments: Sequence[str]) -> Iterator[Daemon]:
    """A reconciler with those arguments, on a free port; it is killed if it has not ended."""
    command = [sys.executable, "-m", "reconciler", "--bind", "127.0.0.1", "--port", "0", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        daemon = Daemon(process)
        try:
            yield daemon
        finally:
            process.kill()
            daemon.ended()
