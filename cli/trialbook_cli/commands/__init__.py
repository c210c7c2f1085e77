"""One module for each command, loaded when it is called; each `run` returns the exit code."""
