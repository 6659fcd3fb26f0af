"""A process in which Dask's schedulers and workers run, as many as one asks for; and the way to ask.

A line in is `{"start": name}`, `{"start": name, "scheduler": address}` for a worker, or `{"stop": name}`; a line out
answers it with the ports.
"""

import asyncio
import json
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any, Self

SECONDS = 60


class DaskHost:
    """Runs schedulers and workers while it is entered. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.kubecluster.daskhost"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=SECONDS)

    def scheduler(self, name: str) -> dict[int, int]:
        """Start a scheduler; by the port of its Pod, where it listens."""
        ports = self._asked(start=name)
        return {8786: ports["comm"], 8787: ports["dashboard"]}

    def worker(self, name: str, scheduler_port: int) -> None:
        """Start a worker."""
        self._asked(start=name, scheduler=f"tcp://127.0.0.1:{scheduler_port}")

    def stop(self, name: str) -> None:
        """Stop one of them; one that does not run is fine."""
        self._asked(stop=name)

    def _asked(self, **request: str) -> dict[str, int]:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer: dict[str, int] = json.loads(self._process.stdout.readline())
            return answer


async def main() -> None:
    """Answer requests until there are no more."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    servers: dict[str, Any] = {}
    while line := await reader.readline():
        answer = await _answered(json.loads(line), servers)
        print(json.dumps(answer), flush=True)
    for server in reversed(servers.values()):
        await server.close()


async def _answered(request: dict[str, str], servers: dict[str, Any]) -> dict[str, int]:
    from distributed import Scheduler, Worker  # noqa: PLC0415  # whoever only asks needs none of it

    if "stop" in request:
        if (server := servers.pop(request["stop"], None)) is not None:
            await server.close()
        return {}
    name = request["start"]
    if "scheduler" in request:
        servers[name] = await Worker(request["scheduler"], name=name, nthreads=1, dashboard=False)
        return {}
    servers[name] = await Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0", dashboard=False)
    return {"comm": servers[name].port, "dashboard": servers[name].http_server.port}


if __name__ == "__main__":
    asyncio.run(main())
