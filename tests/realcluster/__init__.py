"""A real Kubernetes for tests, built from package registries alone; docs/testing-cluster.md tells about it."""

from tests.realcluster.cluster import RealCluster as RealCluster
from tests.realcluster.cluster import prepare as prepare
from tests.realcluster.cluster import start as start
from tests.realcluster.errors import ClusterError as ClusterError
