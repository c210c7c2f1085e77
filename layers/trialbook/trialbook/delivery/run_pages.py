"""Where the runs of jobs and sweeps are seen in MLflow."""

from collections.abc import Callable

from trialbook.core.messages.delivery import MLFLOW
from trialbook.core.mlflow_server import run_page, server_of
from trialbook.ledger.deliveries import Deliveries
from trialbook.ledger.table import LedgerTable
from trialbook.runtime.settings import MlflowSettings

RunPage = Callable[[str], str | None]  # from what a delivery is about to the address of its run


def no_page(about: str) -> str | None:
    """Where nothing is written to MLflow."""
    return None


def run_pages(settings: MlflowSettings, table: LedgerTable) -> RunPage:
    """Where runs are seen: in the pages that the settings name, else on the server itself if people can open it."""
    if not settings.server:
        return no_page
    server, deliveries = server_of(settings.server), Deliveries(table)

    def page_of(about: str) -> str | None:
        delivery = deliveries.get(about, MLFLOW, server.name)
        if not delivery.is_sent or delivery.sent_id is None or delivery.run is None:
            return None
        place = delivery.run.experiment_id, delivery.sent_id
        return run_page(settings.pages, *place) if settings.pages else server.run_url(*place)

    return page_of
