"""Where reports stand: keys in the bucket, and the same paths in a replay's folder, so that links between pages hold in
both."""

import re
from hashlib import sha256

from trialbook.core.names import same_name

ROOT = "reports"
INDEX = f"{ROOT}/index.html"
PAGE, PICTURE, DATA = "report.html", "chart.png", "report.json"
_EXPERIMENTS = "experiments"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,149}")


def safe(text: str) -> str:
    """The text as one segment of a key and of a path: itself where it is plain, otherwise its letters and digits with a
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
    """The folder of the report as it was when the sweep closed for the n-th time."""
    return f"{latest(sweep_id)}/revision-{revision}"


def of_experiment(experiment: str) -> str:
    """The folder of an experiment's best-trial report; names that differ in case only are one experiment."""
    return f"{ROOT}/{_EXPERIMENTS}/{safe(same_name(experiment))}"
