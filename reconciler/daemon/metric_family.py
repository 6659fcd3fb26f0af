"""What a metric is called, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Args:
        name: Its name after `dask_reconciler_`.
        type: Its type.
        help: What it says.
        labels: The names of its labels.
        buckets: Of a histogram.
    """

    name: str
    type: Literal["counter", "gauge", "histogram", "info"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as Prometheus knows it."""
        return f"dask_reconciler_{self.name}"

    @property
    def ends_with_its_cluster(self) -> bool:
        """Whether it is of single clusters: then it is collected from what is known of those that there are."""
        return "cluster" in self.labels


def counter(family: Family, registry: CollectorRegistry) -> Counter:
    """The counter, registered."""
    return Counter(family.full_name, family.help, family.labels, registry=registry)


def gauge(family: Family, registry: CollectorRegistry) -> Gauge:
    """The gauge, registered."""
    return Gauge(family.full_name, family.help, family.labels, registry=registry)


def histogram(family: Family, registry: CollectorRegistry) -> Histogram:
    """The histogram, registered."""
    return Histogram(family.full_name, family.help, family.labels, buckets=family.buckets, registry=registry)


def collected(family: Family, values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily | CounterMetricFamily:
    """The metric with those values, by the values of its labels."""
    made = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
    metric = made(family.full_name, family.help, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    return metric
