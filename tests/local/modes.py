"""How Pods get addresses on this machine: each its own loopback address, or ports of the only one."""

import pytest

from reconciler.local.network.addresses import has_own_addresses

needs_own = pytest.mark.skipif(not has_own_addresses(), reason="there is one loopback address only")

MODES = [pytest.param(False, id="own", marks=needs_own), pytest.param(True, id="shifted")]
"""Whether the network is shifted, for fixtures."""
