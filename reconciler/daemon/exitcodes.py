"""What the command's exit code says; `--help` has it in words."""

DONE = 0
FAILED = 1
USAGE = 2
CHANGES = 2
"""With --exit-code: the plan has changes. Wrong options give 1 then."""

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""
