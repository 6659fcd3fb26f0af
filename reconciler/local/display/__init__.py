"""What people see: a table of what there is, and the logs above it."""
