"""`trialbook rerank`: an experiment's jobs by today's objective."""

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from trialbook.adapters.rules_document import read_rules
from trialbook.bookkeeping import Bookkeeper
from trialbook.core.errors import InvalidInput, InvalidRules
from trialbook.services import open_services
from trialbook_cli.accounts import session_of, settings_of
from trialbook_cli.terminal import BAD_INPUT, FAILED, OK, console, fail, safe


def run(
    experiment: str, stack: str, table: str | None, rules: Path | None, profile: str | None, region: str | None
) -> int:
    """Re-ranks sweep by sweep and says what changed."""
    try:
        services = open_services(settings_of(session_of(profile, region), stack, table))
        document = read_rules(rules.read_text(encoding="utf-8")) if rules else services.rules()
        book = Bookkeeper(services.ledger, document, lambda key, name: None)
        sweeps = changed = 0
        for sweep, jobs in book.rerank_experiment(experiment):
            sweeps, changed = sweeps + 1, changed + jobs
            if jobs:
                console.print(safe(f"{sweep}: {jobs} jobs ranked anew", 200))
    except InvalidRules as error:
        return fail("; ".join(f"{rules}: {problem}" for problem in error.problems), BAD_INPUT)
    except (InvalidInput, OSError) as error:
        return fail(str(error), BAD_INPUT)
    except (BotoCoreError, ClientError, PynamoDBException) as error:
        return fail(f"{error}. What is ranked stays; call it again to go on", FAILED)
    if not sweeps:
        return fail(f"experiment {experiment!r}: the ledger has no ranked jobs of it", BAD_INPUT)
    console.print(f"{changed} jobs of {sweeps} sweeps and single jobs ranked anew")
    return OK
