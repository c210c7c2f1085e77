"""One report in this process, as build_report makes it: run by its path with what is deployed, it imports nothing else."""

import json
import resource
import sys
import time
from functools import partial
from pathlib import Path

from trialbook.adapters.captured import all_captured_curves
from trialbook.adapters.sagemaker import SageMaker
from trialbook.build_report import analysis_of, no_curves
from trialbook.ledger.ledger import Ledger
from trialbook.report import files
from trialbook.services import Services


class Folder:
    """A reader of the objects in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def get(self, key: str) -> bytes | None:
        """An object's content; None if it does not exist."""
        path = self._root / key
        return path.read_bytes() if path.exists() else None


def one_report(size: int, url: str, table: str, captured: str | None = None) -> None:
    """Reads the sweep, analyses and renders it, in this process; with the curves in the folder `captured`."""
    services = Services(Ledger(table, region="us-east-1", host=url), sagemaker=_no_sagemaker)
    sweep = services.ledger.sweep(f"net-{size}")
    assert sweep is not None
    began = time.process_time()
    records = services.ledger.records_of(sweep)
    read = time.process_time()
    read_curves = partial(all_captured_curves, bucket=Folder(Path(captured))) if captured else no_curves
    analysis = analysis_of(sweep, records, services, read_curves)
    analysed = time.process_time()
    made = files(analysis)
    print(
        json.dumps(
            {
                "of reading": round(read - began, 2),
                "of analysis": round(analysed - read, 2),
                "of page and picture": round(time.process_time() - analysed, 2),
                "page MB": round(len(made["report.html"]) / 1e6, 2),
                "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


def _no_sagemaker(account: str, region: str) -> SageMaker:
    raise NotImplementedError(f"a report asks SageMaker nothing, in {region} or elsewhere")


if __name__ == "__main__":
    one_report(int(sys.argv[1]), *sys.argv[2:])
