"""Where reports are saved: keys in the bucket, and the same paths in a replay's folder, so that links between pages
work in both."""

import re
from hashlib import sha256
from urllib.parse import quote

from trialbook.core.jobs import JobKey
from trialbook.core.names import same_name

ROOT = "reports"
INDEX = f"{ROOT}/index.html"
PAGE, PICTURE, DATA, DIGEST = "report.html", "chart.png", "report.json", "digest.json"
CURVES, LOG = "curves.json.gz", "log.json.gz"
REVISION = "~revision-"  # `~` stands in no safe name
_EXPERIMENTS = "experiments"
_JOBS = "jobs"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,149}")


def safe(text: str) -> str:
    """The text as one segment of a key and of a path: itself if it is plain, otherwise its letters and digits with a
    hash of the whole, so that different texts stay apart."""
    if _PLAIN.fullmatch(text) and text != _EXPERIMENTS:
        return text
    mark = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", text)[:100].strip("-")
    return f"{readable}-{mark}" if readable else mark


def latest(sweep_id: str) -> str:
    """The folder of a sweep's newest report."""
    return f"{ROOT}/{safe(sweep_id)}"


def of_revision(sweep_id: str, revision: int) -> str:
    """The folder of the report as it was when the sweep closed for the n-th time; as deep as the latest, so that links
    in the page hold in both."""
    return f"{latest(sweep_id)}{REVISION}{revision}"


def of_experiment(experiment: str) -> str:
    """The folder of an experiment's best-trial report; names that differ in case only are one experiment."""
    return f"{ROOT}/{_EXPERIMENTS}/{safe(same_name(experiment))}"


def of_job(key: JobKey) -> str:
    """The folder of what was measured of a training job. It is outside of the reports, which links open."""
    return f"{_JOBS}/{safe(key.account)}/{safe(key.region)}/{safe(key.name)}"


# From one page to another; a browser resolves them against where the page lies.


def sweep_from_experiment(sweep_id: str) -> str:
    """From an experiment's page to a sweep's."""
    return quote(f"../../{safe(sweep_id)}/{PAGE}")


def experiment_from_sweep(experiment: str) -> str:
    """From a sweep's page to its experiment's."""
    return quote(f"../{_EXPERIMENTS}/{safe(same_name(experiment))}/{PAGE}")


def experiment_from_index(experiment: str) -> str:
    """From the index to an experiment's page."""
    return quote(f"{_EXPERIMENTS}/{safe(same_name(experiment))}/{PAGE}")


INDEX_FROM_EXPERIMENT = "../../index.html"
