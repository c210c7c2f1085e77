"""The book as people ask it: on a deployed stack, or in a folder."""
