"""Which hyperparameters only draw the randomness of a run: trials that differ in nothing else are repeats."""

import re
from collections.abc import Iterable
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_DRAWS = re.compile(
    r"(?!(?:num|n|number)(?: of)? seeds$)(?:.* )?(?:[a-z]*seed|seeds|randomstate|random state|rng|random number)"
    r"(?: (?:value|number|no|id|everything|\d+))?"
    r"|(?:repeat|repetition|replicate|replica|replication)(?: (?:id|index|idx|number|num|no))?"
)


@lru_cache(maxsize=1024)
def is_seed(name: str) -> bool:
    """Whether a hyperparameter of that name draws randomness: `seed`, `random_state`, `dataSeed`, `repeat_id`; but not
    `seed_ratio` and `num_seeds`, which are amounts."""
    return _DRAWS.fullmatch(" ".join(_WORD.findall(name)).lower()) is not None


def without_seeds(names: Iterable[str]) -> tuple[str, ...]:
    """The names of what was searched: trials that differ only in a seed are repeats of one configuration."""
    return tuple(name for name in names if not is_seed(name))
