"""What surrounds the loop in a Deployment: settings, probes, metrics, log lines, signals."""
