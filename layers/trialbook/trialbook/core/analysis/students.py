"""Student's t and the chance of a rank correlation, without SciPy."""

from math import erfc, sqrt
from statistics import NormalDist

_TABLE = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)  # two-sided 95%, freedom 1 to 10


def critical(freedom: int) -> float:
    """Beyond how many standard errors chance leads in 5% of cases, on either side."""
    if freedom <= len(_TABLE):
        return _TABLE[freedom - 1]
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def upper_tail(z: float) -> float:
    """The chance that a standard normal is greater."""
    return erfc(z / sqrt(2)) / 2


def chi_square_tail(value: float, freedom: int) -> float:
    """The chance that a chi square is greater (Wilson and Hilferty's approximation)."""
    part = 2 / (9 * freedom)
    return upper_tail(((max(value, 0.0) / freedom) ** (1 / 3) - 1 + part) / sqrt(part))
