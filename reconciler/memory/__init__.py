"""The API in memory: the requests of `reconciler.wire.protocol`, answered as a Kubernetes API server answers them.

    api ──► request_handling ──► store      strategy        what sets the kinds apart: pods, services
    locks   the rules            objects    schema          what the custom resource definitions say
                                            recent_changes  the last changes, and who follows them
                                            ownership       server-side apply
                                            garbage         objects whose owners are gone

One contract suite, tests/contract, holds it and a real API server to the same rules. What it leaves out on purpose:

- quota, rights and admission plugins (a real server adds tolerations and a service account's volume to Pods);
- of ConfigMaps and Secrets, all checks but those of their metadata;
- namespaces: every namespace is there;
- Pod specs are checked for containers and what may change, and, given schemas, for unknown fields and types; quantities
  stay as they were written;
- apply replaces lists in Pod specs as a whole.
"""

from reconciler.memory.api import MemoryAPI, twin_of
from reconciler.memory.schema import Schemas, definitions, read

__all__ = ["MemoryAPI", "Schemas", "definitions", "read", "twin_of"]
