"""The statuses and Events that follow from what a pass saw and did.

Pure and idempotent: reporting on the statuses that it wrote gives no actions. It decides nothing, so the fields of a
status that are decisions (`decisions`, a job's outcome) are written elsewhere.
"""

from reconciler.passes.report.statuses import as_written, shortened
from reconciler.passes.report.tree_report import report, report_others, report_scaling
from reconciler.passes.report.view import View

__all__ = ["View", "as_written", "report", "report_others", "report_scaling", "shortened"]
