"""Port-forwarding that outlives its connections, through the API server's WebSocket.

forward ─► listener ─► opening ─► tunnel
the local  its thread  the Pod,   one connection's bytes,
port       and tasks   a WebSocket  there and back
"""

from kubecluster.forward.forward import Forward

__all__ = ["Forward"]
