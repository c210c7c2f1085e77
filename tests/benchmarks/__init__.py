"""Measures what the documents quote: `make bench`, or single ones with `python -m tests.benchmarks NAME …`.

A benchmark is a module of this folder with TITLE and `measure`, which gives its figures as Markdown; the first lines of
its docstring say what it compares, and stand on the page. ORDER names them all, in the page's order.
"""

ORDER = (
    "cold_start",
    "warm_cost",
    "replay",
    "at_scale",
    "requests_per_job",
    "costs",
    "kinds",
    "captures",
    "leaderboard",
    "best",
    "close",
    "long_windows",
    "memory",
    "report",
    "brushing",
    "importance",
    "advice",
    "pools",
    "next_points",
)
