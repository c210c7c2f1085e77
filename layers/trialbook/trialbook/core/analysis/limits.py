"""Natural limits of well-known hyperparameters: nobody can try values beyond them."""

import re
from math import inf

from trialbook.core.numbers import Number
from trialbook.core.seeds import is_seed

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SHARES = re.compile(
    r"drop|(?:.* )?(?:dropout|droprate|dropconnect|droppath|subsample|colsample|fraction|frac|prob|probability|probs)"
    r"(?: (?:rate|prob|probability|by (?:tree|level|node)|bytree|bylevel|bynode|bernoulli))?"
    r"|(?:.* )?(?:drop|keep|mask|masking|dropout) (?:rate|path|path rate|ratio)|p|top p|(?:.* )?momentum"
    r"|(?:adam )?betas? ?[12]?|(?:adam )?beta [12]|label smoothing|(?:.* )?smoothing factor|ema decay|rho|l1 ratio"
    r"|(?:train|test|validation|val|valid) (?:size|split|ratio|fraction)"
    r"|(?:sample|sampling|warmup|bagging|feature) ratio"
)
_NOT_NEGATIVE = re.compile(
    r"(?:.* )?weight decay|wd|(?:reg |lambda )?(?:alpha|lambda)|(?:reg|alpha|lambda) l ?[12]|l ?[12](?: .*)?"
    r"|gamma|min split loss|min (?:child weight|gain to split|impurity decrease|delta)|(?:.* )?(?:penalty|temperature)"
    r"|(?:learning rate|lr|eta|epsilon|eps|noise|std|sigma|tol|tolerance)|(?:.* )?(?:clip|clipping|grad norm)"
    r"|warmup(?: steps| epochs)?|mixup(?: alpha)?|cutmix(?: alpha)?|patience|(?:.* )?regulari[sz]ation"
)
_COUNTS = re.compile(
    r"(?:num|n|number)(?: of)? .*|(?:.* )?(?:size|epochs?|layers?|units|heads?|filters|channels|rounds?|estimators"
    r"|neighbou?rs|clusters|components|workers|leaves|bins|k|rank)"
)
_NO_QUANTITY = re.compile(r"(?:.* )?(?:fold|shard|index|id)")


def limits(name: str) -> tuple[Number, Number]:
    """The least and the greatest value that a hyperparameter of that name can have; infinite if nobody knows."""
    words = " ".join(_WORD.findall(name)).lower()
    if _SHARES.fullmatch(words):
        return 0, 1
    if _NOT_NEGATIVE.fullmatch(words):
        return 0, inf
    return (1, inf) if _COUNTS.fullmatch(words) else (-inf, inf)


def is_quantity(name: str) -> bool:
    """Whether more or less of it means something: a seed is a number, and no quantity."""
    return not is_seed(name) and _NO_QUANTITY.fullmatch(" ".join(_WORD.findall(name)).lower()) is None
