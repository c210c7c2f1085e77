"""Drawing at random, and yet the same for the same figures: a report that is made again must say the same."""

_MULTIPLIER, _INCREMENT, _MODULUS = 6364136223846793005, 1442695040888963407, 2**64  # Knuth's, for MMIX


class Draws:
    """A sequence of draws that its seed determines."""

    def __init__(self, seed: int) -> None:
        self._state = seed
        for _ in range(4):  # near seeds begin alike
            self.below(2)

    def below(self, limit: int) -> int:
        """A whole number from 0 on, below the limit."""
        self._state = (self._state * _MULTIPLIER + _INCREMENT) % _MODULUS
        return (self._state >> 33) * limit >> 31

    def share(self) -> float:
        """A number from 0 on, below 1."""
        return self.below(2**31) / 2**31

    def sample(self, number: int, drawn: int) -> list[int]:
        """So many different places of a number of them."""
        places = list(range(number))
        for at in range(drawn):
            other = at + self.below(number - at)
            places[at], places[other] = places[other], places[at]
        return places[:drawn]
