"""The requests made of Kubernetes, what they can be answered with, and how answers are read."""
