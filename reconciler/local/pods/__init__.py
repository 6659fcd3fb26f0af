"""Pods: what a kubelet does with them, and each one's life."""
