"""The Kubernetes API, in the few requests that a client of Dask clusters needs.

paths ─► requests ─► client ─► refusals        surroundings ─► connection
where    what is     sends it  which error     where the       authenticated,
         asked                 an answer is    server is       kept and renewed
"""

from kubecluster.api.client import Kubernetes, connect
from kubecluster.api.connection import Stream
from kubecluster.api.paths import path
from kubecluster.api.requests import Body

__all__ = ["Body", "Kubernetes", "Stream", "connect", "path"]
