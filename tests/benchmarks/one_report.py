"""One report in this process, as build_report's Lambda would make it: nothing else is imported."""

import json
import resource
import sys
import time

from trialbook.adapters.sagemaker import SageMaker
from trialbook.build_report import analysis_of
from trialbook.ledger.ledger import Ledger
from trialbook.report import files
from trialbook.services import Services


def one_report(size: int, url: str, table: str) -> None:
    """Reads the sweep, analyses and renders it, in this process."""
    services = Services(Ledger(table, region="us-east-1", host=url), sagemaker=_no_sagemaker)
    sweep = services.ledger.sweep(f"net-{size}")
    assert sweep is not None
    began = time.process_time()
    records = services.ledger.records_of(sweep)
    read = time.process_time()
    analysis = analysis_of(sweep, records, services)
    analysed = time.process_time()
    made = files(analysis)
    print(
        json.dumps(
            {
                "cpu of reading": round(read - began, 2),
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
    one_report(int(sys.argv[1]), sys.argv[2], sys.argv[3])
