"""poll_jobs: finds the jobs of kinds that no event reports, once a minute, by reconcile's machinery.

Each run asks for one page of each kind's list, so that there are as many calls a minute as kinds. Where SageMaker
refuses to list a kind, such as in a region that has none of it, the others go on.
"""

from datetime import datetime

from trialbook.core.kinds import POLLED
from trialbook.reconcile import EVERY_MINUTE, Reconciled, TimeLeft, reconcile_kinds
from trialbook.runtime.observability import count
from trialbook.services import Services


def poll_jobs(
    now: datetime, account: str, region: str, services: Services, time_left: TimeLeft = lambda: True
) -> Reconciled:
    """Records the jobs of one account and region that have begun or ended since the last run."""
    done = reconcile_kinds(POLLED, EVERY_MINUTE, now, account, region, services, time_left)
    count("JobsPolled", done.recorded)
    return done
