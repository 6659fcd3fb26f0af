"""Free TCP ports that stay ours: several clusters start side by side."""

import socket


def reserve(address: str) -> tuple[int, socket.socket]:
    """Reserve a port on an address of this machine.

    Returns:
        The port, for a program that sets SO_REUSEPORT; and a socket that keeps everybody else off it, and gets no
        connections since it does not listen.
    """
    keeper = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    keeper.bind((address, 0))
    port: int = keeper.getsockname()[1]
    return port, keeper
