"""The command: `dask kube …`, and `kubectl dask …`.

    group      the commands, each imported when it is used     command   one of them, with examples in its help
    ending     errors in words, exit codes                     words     what is written where, and in which colour
    place      which Kubernetes, which namespace, which        formats   a result as YAML or JSON
               cluster                                         making    what a new cluster is to be

    creation   listing    scaling    forwarding          deletion   explaining   logs       submission
               survey                scheduler_changes              steps       following  script, job, running

Nothing but click is imported until a command runs.
"""

from kubecluster.cli.group import kube, main

__all__ = ["kube", "main"]
