"""`python -m tests.fuzz.grammar 2000`: so many rules documents of YAML's own grammar, and what the slowest and the largest
needs of processor time and memory."""

import sys
import time
import tracemalloc
from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings

from tests.unit.test_rules_grammar import LONGEST
from tests.unit.yaml_documents import MOST_BYTES, documents
from trialbook.adapters.rules_document import read_rules
from trialbook.core.errors import InvalidRules

MOST_SECONDS, MOST_MEGABYTES = 0.5, 50


def outcome(text: str) -> str:
    """Whether the document is read or refused."""
    try:
        read_rules(text)
    except InvalidRules:
        return "refused"
    return "read"


def main(number: int) -> int:
    """Prints the figures; 1 where a document passes a bound."""
    outcomes: Counter[str] = Counter()
    longest = largest = 0.0

    def measure(text: str) -> None:
        nonlocal longest, largest
        began = time.process_time()
        outcomes[outcome(text)] += 1
        longest = max(longest, time.process_time() - began)
        tracemalloc.start()
        outcome(text)
        largest = max(largest, tracemalloc.get_traced_memory()[1] / 1024 / 1024)
        tracemalloc.stop()

    @settings(
        max_examples=number,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(text=documents())
    def all_of_them(text: str) -> None:
        measure(text)

    for text in LONGEST.values():
        measure(text[:MOST_BYTES])
    all_of_them()
    figures = f"{dict(sorted(outcomes.items()))}; at most {longest:.2f} s and {largest:.1f} MB"
    sys.stdout.write(f"{outcomes.total()} documents, {figures}\n")
    return int(longest > MOST_SECONDS or largest > MOST_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
