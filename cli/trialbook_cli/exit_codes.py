"""The exit codes of every command."""

OK, FAILED, BAD_INPUT = 0, 1, 2
