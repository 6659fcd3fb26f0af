"""What can go wrong before a test has begun."""


class ClusterError(Exception):
    """A real Kubernetes could not be built, started or used; the message says why and what helps."""
