"""The report as files: page, picture and JSON of one analysis."""
