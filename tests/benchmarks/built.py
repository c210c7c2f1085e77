"""What is deployed, as a function finds it: built and zipped by SAM, unzipped with the zip's dates, read-only."""

import os
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.test_build import FUNCTIONS, SAM, runtime, sam

_LAYER, _CHARTS = "TrialbookLayer", "ChartsIntelLayer"
# SAM's own zipping, in SAM's own environment.
_ZIP = "import sys; from samcli.lib.package.utils import make_zip_with_lambda_permissions as z; print(z(*sys.argv[1:]))"


@dataclass(frozen=True, slots=True)
class Built:
    """The unzipped functions and layers, and the runtime's interpreter."""

    folder: Path
    python: Path

    def paths(self, function: str) -> list[str]:
        """The function's search path: its own folder, and its layers'."""
        layers = [_LAYER, *([_CHARTS] if function == "build_report" else [])]
        return [str(self.folder / logical_id(function)), *(str(self.folder / layer / "python") for layer in layers)]

    def environment(self, function: str) -> dict[str, str]:
        """Of a process that runs the function as Lambda does: nothing is on its path but function and layers."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(self.paths(function)),
            "PYTHONDONTWRITEBYTECODE": "1",  # root may write into read-only folders; Lambda's functions may not
            "PYTHONNOUSERSITE": "1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "POWERTOOLS_SERVICE_NAME": function,
            "POWERTOOLS_TRACE_DISABLED": "true",
            "LEDGER_TABLE": "ledger",
            "EVENT_BUS": "trialbook",
            "RULES_PARAMETER": "/trialbook/rules",
            "REPORTS_BUCKET": "reports",
            "REPORT_LINK_SECRET": "report-links",
            "MLFLOW_SERVER": "https://mlflow.example.com",
            "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/queue",
            "DEAD_LETTERS_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters",
        }


def logical_id(function: str) -> str:
    """attach_job is AttachJob in the template."""
    return "".join(word.title() for word in function.split("_"))


@contextmanager
def built() -> Iterator[Built]:
    """Builds, zips and unzips; the folders are gone behind the block."""
    python = runtime()
    with tempfile.TemporaryDirectory() as made:
        done = sam("build", "--build-dir", f"{made}/build", "--no-cached", path=f"{python.parent}:")
        assert done.returncode == 0, done.stderr
        for name in (*map(logical_id, FUNCTIONS), _LAYER, _CHARTS):
            command = [str(SAM.with_name("python")), "-c", _ZIP, f"{made}/{name}", f"{made}/build/{name}"]
            subprocess.run(command, check=True, capture_output=True)
            _unzip(Path(f"{made}/{name}.zip"), Path(made) / "unzipped" / name)
        yield Built(Path(made) / "unzipped", python)


def _unzip(archive: Path, to: Path) -> None:
    """With the dates that the zip gives, which is what decides whether bytecode is stale, and read-only."""
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            path = Path(opened.extract(info, to))
            stamp = time.mktime((*info.date_time, 0, 0, -1))
            os.utime(path, (stamp, stamp))
            path.chmod(0o444)


def size_mb(folder: Path) -> float:
    """Unzipped."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
