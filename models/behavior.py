"""How fast an autoscaler may change the number of workers, in the words of HorizontalPodAutoscaler v2.

The docstrings under the fields are what `kubectl explain` and docs/resources.md show.
"""

from typing import Annotated, Literal

from pydantic import Field

from models.base import Model

LONGEST_WINDOW, LONGEST_PERIOD = 3600, 1800
"""As long as HorizontalPodAutoscaler allows."""
DOWN_WINDOW = 60
"""For how long fewer workers must be wanted before some go; docs/autoscaling.md has what other numbers cost."""
Window = Annotated[int, Field(strict=True, ge=0, le=LONGEST_WINDOW)]


class ScalingPolicy(Model):
    """How many workers may come, or go, in a period."""

    type: Literal["Pods", "Percent"]
    """Whether `value` is a number of workers, or a percentage of those there were when the period began."""
    value: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
    """How many, or how many percent. Of workers that may come, a percentage is rounded up, and is one at least."""
    period_seconds: Annotated[int, Field(strict=True, ge=1, le=LONGEST_PERIOD)]
    """For how many seconds this is the most."""


class ScalingRules(Model):
    """How fast the number of workers may change in one direction."""

    policies: Annotated[tuple[ScalingPolicy, ...], Field(max_length=20)] = ()
    """The most workers in a period. Without any, all that are wanted come, or go, at once."""
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    """Of several policies the one that allows most (`Max`) or least (`Min`) counts; `Disabled` lets none come, or
    go."""


class ScaleUpRules(ScalingRules):
    """How fast workers come."""

    stabilization_window_seconds: Window = 0
    """So many are made as were wanted at least, at every moment of so many seconds."""


class ScaleDownRules(ScalingRules):
    """How fast workers go."""

    stabilization_window_seconds: Window = DOWN_WINDOW
    """So many are kept as were wanted at most, at any moment of so many seconds."""


class Behavior(Model):
    """How fast the number of workers may change."""

    scale_up: ScaleUpRules = Field(default_factory=ScaleUpRules)
    """How fast workers come."""
    scale_down: ScaleDownRules = Field(default_factory=ScaleDownRules)
    """How fast workers go. Each hands over first what it holds, and ends its tasks."""
