"""From what is seen of a cluster to whether it is ready, still coming or hopeless, and why.

Pure: `diagnose` gets one look at the API and the time of the first one. It goes by the objects themselves, so it works
for clusters of the reconciler and of dask-kubernetes alike; conditions tell it what objects cannot, such as refusals.

    sight      one look, and how to read it        causes     what texts of Kubernetes mean, and what to do
    events     the Events in it                    trouble    what keeps one Pod from being ready
    absence    why something does not exist        workers    the worker groups, counted
    readiness  scheduler, Service, groups          obstacles  what stands in the way of the whole
    giving_up  when a scheduler crashes too often  verdict    the sum, and the exception that it becomes
    waiting_since  when people began to wait for a cluster that is there already
"""

from kubecluster.diagnosis.readiness import Part, Parts, parts
from kubecluster.diagnosis.sight import Body, Sight
from kubecluster.diagnosis.verdict import About, State, Verdict, diagnose, error

__all__ = ["About", "Body", "Part", "Parts", "Sight", "State", "Verdict", "diagnose", "error", "parts"]
