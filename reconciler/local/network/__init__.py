"""The network between Pods: addresses, Services, and the ways in from this machine."""
