"""Where to look: watches that say which trees have changed.

    watches ──► tree_of ──► queue ──► wait
    a thread    which       once a    the loop, and with it
    a place     tree it is  tree      a pass over these trees

Hints shorten how long a change waits for a pass, and do nothing else. Lost, late, repeated or wrong ones, or none at
all, leave the daemon right, since the pass over everything is made on its interval all the same.
"""

from reconciler.hints.hints import Hints
from reconciler.hints.trees import tree_of

__all__ = ["Hints", "tree_of"]
