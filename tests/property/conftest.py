"""How many examples: few by default, for two slow cores; HYPOTHESIS_PROFILE=deep looks further.

HYPOTHESIS_EXAMPLES sets the number.
"""

import os

from hypothesis import HealthCheck, Phase, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
WITHOUT_EXPLAIN = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


def _examples(default: int) -> int:
    return int(os.environ.get("HYPOTHESIS_EXAMPLES", default))


settings.register_profile(
    "ci", deadline=None, max_examples=_examples(40), derandomize=True, database=None, suppress_health_check=SLOW
)
settings.register_profile(
    "deep", deadline=None, max_examples=_examples(2000), suppress_health_check=SLOW, phases=WITHOUT_EXPLAIN
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
