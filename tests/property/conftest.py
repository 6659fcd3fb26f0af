"""How many examples: few by default, for two slow cores; many with HYPOTHESIS_PROFILE=deep."""

import os

from hypothesis import HealthCheck, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

settings.register_profile("ci", deadline=None, max_examples=40, derandomize=True, suppress_health_check=SLOW)
settings.register_profile("deep", deadline=None, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "2000")), suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
