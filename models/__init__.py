"""Pydantic models of what the reconciler reads and writes."""
