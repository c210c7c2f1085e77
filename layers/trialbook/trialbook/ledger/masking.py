"""The ledger's own key, by which masked secrets can be compared within one book and nowhere else."""

import os
from contextlib import suppress
from functools import cache

from trialbook.core.masking import Masker
from trialbook.ledger import versioned
from trialbook.ledger.table import NOTES, Conflict, LedgerTable

_KEY = "masking key"


def masker_of(table: LedgerTable) -> Masker:
    """The masker of a book; it reads the key when it first masks something."""
    return Masker(cache(lambda: _key(table)))


def _key(table: LedgerTable) -> bytes:
    """The key, created when it is first needed. If two processes create one, the first stays."""
    kept, _ = versioned.read(table, NOTES, _KEY)
    if kept is None:
        with suppress(Conflict):
            versioned.write(table, NOTES, _KEY, {"key": os.urandom(32).hex()}, item="note", version=1)
        kept, _ = versioned.read(table, NOTES, _KEY)
    return bytes.fromhex(kept["key"])
