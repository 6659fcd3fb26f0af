"""Compute on a Dask cluster: `python client.py localhost:8786`."""  # noqa: INP001 - a script, not a package

import sys

from dask.distributed import Client


def square(number: int) -> int:
    """The work of one task."""
    return number**2


if __name__ == "__main__":
    with Client(sys.argv[1]) as client:
        squares = client.map(square, range(10))
        print(client.submit(sum, squares).result())  # noqa: T201 - a script speaks to its user
