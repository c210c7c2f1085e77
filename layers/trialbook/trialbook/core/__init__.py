"""The tracking itself, pure: standard library only, no clock, environment, logger or client."""
