"""Decisions that several stages share, one module each."""
