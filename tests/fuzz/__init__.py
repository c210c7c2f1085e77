"""Hostile input at each boundary: `python -m tests.fuzz` counts what became of thousands of inputs."""
