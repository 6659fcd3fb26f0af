"""Manifests from files, and all that is wrong with them.

files ──► documents ──► reading ◄── fields
texts     values        objects,    which fields
  ▲                     sorted      nobody knows
watch: read again when they change
"""

from reconciler.manifests.files import STANDARD_INPUT, Text
from reconciler.manifests.reading import Manifest, Other, Problem, Reading, read, read_texts
from reconciler.manifests.watch import Watch

__all__ = ["STANDARD_INPUT", "Manifest", "Other", "Problem", "Reading", "Text", "Watch", "read", "read_texts"]
