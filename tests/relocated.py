"""Recordings as of another account, region and partition."""

import json
import os
import random
import re
from dataclasses import replace
from functools import cache

from tests.conftest import RECORDINGS
from trialbook_cli.laptop_cloud import Recording, read_recording
from trialbook_cli.places import places
from trialbook_cli.sagemaker_stand_in import Account

REGIONS = (
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-2",
    "sa-east-1",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-west-1",
    "us-gov-east-1",
)


SEED = int(os.environ.get("TRIALBOOK_SEED") or 0)  # conftest.py draws it where nobody gives it


def drawn(seed: int) -> Account:
    """An account and region by chance; the same for the same seed."""
    chance = random.Random(seed)
    return Account(f"{chance.randrange(10**12):012}", chance.choice(REGIONS))


HERE = drawn(SEED)  # where all replays of this test run are


def relocated(recording: Recording, to: Account) -> Recording:
    """The recording as if it had been made there: account, region and partition wherever they stand in it."""
    (here,) = places(recording)
    swaps = ((here.id, to.id), (here.region, to.region), (f"arn:{here.partition}:", f"arn:{to.partition}:"))
    pattern, new = re.compile("|".join(re.escape(old) for old, _ in swaps)), dict(swaps)

    def moved(lines: object) -> object:
        return json.loads(pattern.sub(lambda found: new[found[0]], json.dumps(lines)))

    return replace(recording, events=moved(list(recording.events)), answers=moved(list(recording.answers)))  # type: ignore[arg-type]


@cache
def recording(name: str) -> Recording:
    """A recording of the project's, as if it had been made where this test run is. Without what was measured: its
    captures would take a third of each replay's time."""
    return replace(relocated(read_recording(RECORDINGS / name), HERE), measured=())
