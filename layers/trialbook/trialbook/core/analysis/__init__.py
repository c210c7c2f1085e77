"""The analysis of a sweep or an experiment: computed once, for page, picture, message and JSON alike."""
