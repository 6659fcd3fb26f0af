"""What every Python process in a container imports first: this folder stands at the head of its PYTHONPATH."""
