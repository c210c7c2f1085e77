"""Drawing at random, and yet the same for the same figures: a report that is made again must say the same."""

from typing import TypeVar

_MULTIPLIER, _INCREMENT, _MASK = 6364136223846793005, 1442695040888963407, 2**64 - 1  # Knuth's, for MMIX
_TO_SHARE = 2.0**-31

T = TypeVar("T")


class Draws:
    """A sequence of draws that its seed determines."""

    def __init__(self, seed: int) -> None:
        self._state = seed
        for _ in range(4):  # near seeds begin alike
            self.share()

    def share(self) -> float:
        """A number from 0 on, below 1."""
        self._state = state = (self._state * _MULTIPLIER + _INCREMENT) & _MASK
        return (state >> 33) * _TO_SHARE

    def below(self, limit: int) -> int:
        """A whole number from 0 on, below the limit."""
        return int(self.share() * limit)

    def sample(self, pool: list[T], drawn: int) -> list[T]:
        """So many of the pool, each at most once; the pool's order changes."""
        state, number = self._state, len(pool)
        for at in range(drawn):  # share(), without a call for each
            state = (state * _MULTIPLIER + _INCREMENT) & _MASK
            other = at + int((state >> 33) * _TO_SHARE * (number - at))
            pool[at], pool[other] = pool[other], pool[at]
        self._state = state
        return pool[:drawn]
