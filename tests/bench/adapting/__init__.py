"""How rules that adapt the number of workers do on fixed traces of work, in virtual time; docs/autoscaling.md has it.

    python -m tests.bench.adapting

Nothing here is measured, and nothing random: it is arithmetic, the same on every machine.
"""
