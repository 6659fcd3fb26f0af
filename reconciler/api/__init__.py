"""The API over HTTP: the only package that imports `kubernetes`.

request ──► client ──► answer        credentials
what is     sends it,  what came     where the server is
asked       once       back, sorted  and who we are
"""

from reconciler.api.client import HTTPAPI, Exchange, connect
from reconciler.api.credentials import NoCluster, is_in_pod

__all__ = ["HTTPAPI", "Exchange", "NoCluster", "connect", "is_in_pod"]
