"""Manifests from files, and all that is wrong with them.

files ──► documents ──► reading ◄── headers     is it a manifest at all
texts     values        objects,    fields      which fields nobody knows
  ▲         ▲           sorted      templates   which Pods no Kubernetes would take
watch       loader, scalars: one value          watch: read again when they change
            hints: what to do about it
"""

from reconciler.manifests.files import STANDARD_INPUT, Text
from reconciler.manifests.reading import Manifest, Other, Problem, Reader, Reading, read
from reconciler.manifests.watch import Watch

__all__ = ["STANDARD_INPUT", "Manifest", "Other", "Problem", "Reader", "Reading", "Text", "Watch", "read"]
