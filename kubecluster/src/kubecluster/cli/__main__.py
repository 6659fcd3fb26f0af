"""`python -m kubecluster.cli`: the command."""

from kubecluster.cli import main

main()
