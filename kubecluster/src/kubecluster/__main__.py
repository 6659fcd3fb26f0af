"""`python -m kubecluster`: the command."""

from kubecluster.cli import main

main()
