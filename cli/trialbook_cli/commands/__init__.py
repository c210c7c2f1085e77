"""One module for each command: its declaration and what it does.

Modules import what only the running command needs inside functions: `--help` loads all of them.
"""
