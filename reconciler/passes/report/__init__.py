"""What the owners of resources are told: statuses and Events, worked out from what a pass saw and did.

Pure, and at rest on its own result: reporting again on the statuses it wrote writes none. It decides nothing, so
the fields of a status that are decisions (`decisions`, a job's outcome) are written elsewhere.
"""

from reconciler.passes.report.stage import report

__all__ = ["report"]
