"""Runs by itself, with the Python of another release of Dask: a scheduler and two workers.

Each worker holds a result that only it has, and one that both have; one computes until a line is read. After the next
line a task waits for a worker that nobody has, after one more its Client leaves. The program ends with its input.
"""

import asyncio
import json
import sys
from typing import Any

from distributed import Client, Event, Scheduler, Worker

OPTIONS: dict[str, Any] = {"host": "tcp://127.0.0.1", "dashboard": False}


async def main() -> None:
    """Compute, and say what is where, as JSON."""
    async with (
        Scheduler(port=0, dashboard_address="127.0.0.1:0", **OPTIONS) as scheduler,
        Worker(scheduler.address, name=0, nthreads=1, **OPTIONS) as first,
        Worker(scheduler.address, name="one", nthreads=1, **OPTIONS) as second,
        Client(scheduler.address, asynchronous=True) as client,
    ):
        alone = client.submit(bytes, 10_000, workers=[first.address])
        shared = client.submit(bytes, 5000, workers=[first.address])
        length = client.submit(len, shared, workers=[second.address])
        await alone
        await length
        event = Event("let go", client=client)
        computing = client.submit(wait, workers=[second.address])
        pages = scheduler.http_server.port
        where = {
            "pages": pages,
            "address": scheduler.address,
            "first": first.address,
            "second": second.address,
        }
        print(json.dumps(where), flush=True)
        await line()
        await event.set()
        await computing
        print("idle", flush=True)
        await line()
        waiting = client.submit(len, (), resources={"what nobody has": 1})
        print("waits", flush=True)
        await line()
        del alone, shared, length, computing, waiting
        await client.close()
        print("left", flush=True)
        await line()


async def line() -> None:
    """A line of the input, or its end."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def wait() -> None:
    """A task that goes on until it is let go."""
    Event("let go").wait()


if __name__ == "__main__":
    asyncio.run(main())
