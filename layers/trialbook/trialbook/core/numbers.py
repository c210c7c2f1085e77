"""How numbers are read, compared and shown: one rule for messages, pages, pictures and the command line.

The page's script follows the same rule (report/page/js/0-numbers.js); both are held to one table of cases.
"""

import math
import re
import struct
import sys
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import cache

Number = int | float

_DIGITS = 4  # significant ones
_SINGLE = (2.0**-126, 2.0**127)  # sizes that a float32 holds with all its digits
_SINGLE_WHOLE = 2**24  # beyond, a float32 lacks some whole numbers
_SINGLE_DIGITS, _DOUBLE_DIGITS = 9, 17  # always enough to tell two of them apart
_EXACT = 2**53  # up to here each whole number is a double of its own
_LEAST_PLAIN = -4  # power of ten that is written without exponent
_DIGIT_WIDE, _POINT_WIDE = "\u2007", "\u2008"
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LARGEST = sys.float_info.max
DRAWN = 1e300  # sizes up to here have room for sums and margins: larger ones lie at a chart's edge
_MOST_DIGITS = 2_500  # of a whole number: SageMaker's longest value


def number_of(text: str) -> Number | None:
    """The finite number a text stands for, digit by digit if it is whole; None for everything else, `nan`, `1_000` and
    `0x1` among it."""
    bare = text.strip()  # of more than float() takes off: information separators too
    if _NUMBER.fullmatch(bare) is None:
        return None
    number = float(bare)
    if not math.isfinite(number):
        return None
    return int(bare) if number.is_integer() and is_whole(bare) else number


def is_whole(text: str) -> bool:
    """Whether a text is nothing but a whole number's digits."""
    return len(text) <= _MOST_DIGITS and _WHOLE.fullmatch(text) is not None


def shown(value: Number | str | None) -> str:
    """A value as people read it: texts as they are, whole numbers digit by digit, all others with four significant
    digits, their part before the point complete.

    Zeros at the end say that there is more: `0.9` is just that, `0.9000` was rounded.
    """
    if not isinstance(value, float):
        return "none" if value is None else str(value)
    return _with_digits(value, _DIGITS)


def _with_digits(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return str(value)
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    exact = meant(value)
    return _written(_rounded(exact, max(digits, exact.adjusted() + 1 if abs(value) < _EXACT else 0)))


def full(value: Number | str | None) -> str:
    """All digits of a number, of a float32 those that it takes to tell it from its neighbours."""
    if not isinstance(value, float) or not math.isfinite(value):
        return shown(value)
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return _written(meant(value) if _single(value) == value else Decimal(repr(value)))


def shown_text(text: str) -> str:
    """A text that stands for a number as that is shown; any other as it is."""
    number = number_of(text)
    return text if number is None else shown(number)


def meant(value: Number) -> Decimal:
    """The number that was meant, in decimals: SageMaker's final metrics are float32, so 0.8999999761581421 is 0.9."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < _EXACT):
        return Decimal(int(value))
    single = _single(value)
    if single is None or (abs(value) >= _SINGLE_WHOLE and single != value):
        return Decimal(repr(value))
    enough = (digits for digits in range(1, _SINGLE_DIGITS + 1) if _single(float(f"{value:.{digits}g}")) == single)
    digits = next(enough, None)
    return Decimal(repr(value)) if digits is None else _cut(value, digits)


def apart(one: Number, other: Number) -> float:
    """How far two numbers are apart, without the noise of binary fractions; LARGEST if that is beyond what a float
    holds, as between 1.7e308 and -1.7e308."""
    return within(float(abs(meant(one) - meant(other))))


def within(value: float, most: float = LARGEST) -> float:
    """The number, or the bound that it is beyond."""
    return min(max(value, -most), most)


def gap(margin: Number, beside: Number) -> str:
    """How far a value is from the one shown beside it, with as many decimals as the two are shown with: a reader who
    subtracts 0.03959 from 0.04019 gets the same 0.0006. With four digits if it is smaller than that."""
    around = (float(beside), float(beside) + float(margin), float(beside) - float(margin))
    if not all(map(math.isfinite, around)):
        return shown(margin)
    places = min(int(Decimal(shown(each)).as_tuple().exponent) for each in around)
    if not -_DOUBLE_DIGITS < places < 0:
        return shown(margin)
    exact = meant(margin)
    if exact.adjusted() - places >= _DOUBLE_DIGITS:  # so many digits no float has, nor Decimal's default precision
        return shown(margin)
    rounded = round(exact, -places)
    return _written(rounded.normalize()) if rounded else shown(margin)


def told_apart(value: Number, other: Number | None) -> str:
    """A number as shown, or with as many digits more as it takes to read other than the other number."""
    if other is None or value == other:
        return shown(value)
    both = ([_with_digits(float(each), digits) for each in (value, other)] for digits in range(_DIGITS, _DOUBLE_DIGITS))
    first = next((one for one, two in both if one != two), full(value))
    return shown(value) if isinstance(value, int) else first


def aligned(texts: Sequence[str]) -> list[str]:
    """A column's texts with blanks behind them, so that the decimal points of numbers are below each other."""
    behind = [_behind_point(text) for text in texts]
    most = max((each for each in behind if each is not None), default=0)
    return [text + _blanks(own, most) for text, own in zip(texts, behind, strict=True)]


def _blanks(behind: int | None, most: int) -> str:
    """As wide as the digits and the point that are missing."""
    missing = 0 if behind is None else most - behind
    return _POINT_WIDE + _DIGIT_WIDE * (missing - 1) if missing and behind == 0 else _DIGIT_WIDE * missing


def _behind_point(text: str) -> int | None:
    """How many characters stand from the point on; None for what is no number without exponent."""
    found = _NUMBER.fullmatch(text)
    return None if found is None or found[3] else len(text) - len(text.partition(".")[0])


def percent(share: Number | Fraction, limit: Decimal | None = None) -> str:
    """`12%`, `1.5%`, `0.04%`, `below 0.01%`, `over 99.9%`: two digits, or as many as it takes to stand on the
    right side of the whole and of a limit."""
    exact = _decimal(share) * 100
    if 0 < abs(exact) < Decimal("0.01"):
        return "below 0.01%"
    if Decimal("99.95") <= exact < 100:
        return "over 99.9%"
    bounds = [Decimal(100), *([] if limit is None else [limit * 100])]
    fewest = 1 if abs(exact) >= Decimal("9.95") else 2
    texts = (_rounded(exact, max(fewest, exact.adjusted() + 1) + more) for more in range(_DOUBLE_DIGITS))
    shortest = next((text for text in texts if all(_side(text, each) == _side(exact, each) for each in bounds)), exact)
    return f"{_written(shortest.normalize())}%"


LEAST_WHOLE = 0.01  # the least share that is shown as a number


def whole_percent(share: float) -> str:
    """`36%`, `<1%`: a share that is not known more exactly, such as an importance."""
    return "<1%" if 0 < share < LEAST_WHOLE else f"{round(share * 100)}%"


def _side(value: Decimal, bound: Decimal) -> int:
    return (value > bound) - (value < bound)


def _decimal(value: Number | Fraction) -> Decimal:
    return Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else Decimal(repr(value))


def _single(value: float) -> float | None:
    """The nearest float32; None if its size is beyond what a float32 holds with all digits."""
    if not _SINGLE[0] <= abs(value) <= _SINGLE[1]:
        return None
    (narrow,) = struct.unpack("<f", struct.pack("<f", value))
    return float(narrow)


@cache
def _to(digits: int) -> Context:
    """A context that rounds to so many digits; making one takes longer than rounding."""
    return Context(prec=digits, rounding=ROUND_HALF_UP)


def _cut(value: float, digits: int) -> Decimal:
    return _to(digits).create_decimal_from_float(value)


def _rounded(value: Decimal, digits: int) -> Decimal:
    return _to(digits).plus(value)


def _written(value: Decimal) -> str:
    """Without exponent if that stays readable, and no minus before zero."""
    if value == 0:
        return "0"
    if value.adjusted() >= _LEAST_PLAIN and abs(value) < _EXACT:
        return format(value, "f")
    return re.sub(r"e([+-])(\d)$", r"e\g<1>0\2", format(value, "e"))
