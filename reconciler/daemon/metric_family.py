"""What a metric is called, and what it says."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

Source = TypeVar("Source")


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


def counters(families: Iterable[Family], registry: CollectorRegistry) -> Mapping[Family, Counter]:
    """The counters among them, registered."""
    return {
        one: Counter(one.full_name, one.help, one.labels, registry=registry)
        for one in families
        if one.type == "counter"
    }


def histograms(families: Iterable[Family], registry: CollectorRegistry) -> Mapping[Family, Histogram]:
    """The histograms among them, registered."""
    return {
        one: Histogram(one.full_name, one.help, one.labels, buckets=one.buckets, registry=registry)
        for one in families
        if one.type == "histogram"
    }


def gauge(family: Family, registry: CollectorRegistry) -> Gauge:
    """The gauge, registered."""
    return Gauge(family.full_name, family.help, family.labels, registry=registry)


class Collected(Collector, Generic[Source]):
    """Metrics whose values are looked up whenever Prometheus asks.

    Args:
        sources: Where the values of each metric are found.
        values: The values found there, by the values of the metric's labels.
    """

    def __init__(
        self, sources: Mapping[Family, Source], values: Callable[[Source], Mapping[tuple[str, ...], float]]
    ) -> None:
        self._sources = sources
        self._values = values

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        for family, source in self._sources.items():
            made = CounterMetricFamily if family.type == "counter" else GaugeMetricFamily
            metric = made(family.full_name, family.help, labels=family.labels)
            for labels, value in self._values(source).items():
                metric.add_metric(labels, value)
            yield metric
