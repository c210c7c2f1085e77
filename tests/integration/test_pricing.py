"""Prices from AWS's price list, over HTTP with a real client, remembered in the ledger."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trialbook.adapters.pricing import PriceList
from trialbook.ledger.ledger import Ledger
from trialbook.runtime import clock

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PRICES = {"ml.m5.xlarge": "0.23", "ml.g5.xlarge": "1.408"}


def product(name: str, price: str, unit: str = "Hrs") -> str:
    """A product as the price list tells it, cut to what matters."""
    dimension = {"unit": unit, "description": f"${price} per {name}", "pricePerUnit": {"USD": price}}
    return json.dumps(
        {
            "product": {
                "productFamily": "ML Instance",
                "attributes": {"instanceName": name, "component": "Training", "regionCode": "us-east-1"},
                "sku": "ABC",
            },
            "serviceCode": "AmazonSageMaker",
            "terms": {"OnDemand": {"ABC.JRTCKXETXF": {"priceDimensions": {"ABC.JRTCKXETXF.6YS6EN2CT7": dimension}}}},
        }
    )


class Server(ThreadingHTTPServer):
    """A price list that counts the questions and refuses if set to."""

    asked: list[dict[str, str]]
    refuses = False


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wanted = {each["Field"]: each["Value"] for each in body["Filters"]}
        self.server.asked.append(wanted)
        if self.server.refuses:
            return self.answer(400, {"__type": "AccessDeniedException", "message": "not authorized"})
        price = PRICES.get(wanted["instanceName"])
        free = product(wanted["instanceName"], "0.0000000000")
        data = (
            product(wanted["instanceName"], price or "0", "GB")
            if price is None
            else product(wanted["instanceName"], price)
        )
        return self.answer(200, {"FormatVersion": "aws_v1", "PriceList": [free, data]})

    def answer(self, status: int, data: Any) -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def price_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), _Handler) as server:
        server.asked = []
        monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with clock.use(lambda: moment):
        yield


def test_a_price_is_asked_once_a_month_and_what_has_none_stays_unknown(ledger: Ledger, price_list: Server) -> None:
    prices = PriceList(ledger.session, ledger.notes)
    types = ["ml.m5.xlarge", "ml.g5.xlarge", "ml.unheard"]
    with at(NOW):
        first = prices.of(types, "us-east-1")
        second = prices.of(types, "us-east-1")

    assert first == second == {"ml.m5.xlarge": 0.23, "ml.g5.xlarge": 1.408}
    assert [each["instanceName"] for each in price_list.asked] == sorted(types)
    assert {each["regionCode"] for each in price_list.asked} == {"us-east-1"}
    with at(NOW + timedelta(days=2)):
        prices.of(types, "us-east-1")
    assert [each["instanceName"] for each in price_list.asked[3:]] == ["ml.unheard"]
    with at(NOW + timedelta(days=31)):
        prices.of(types[:1], "us-east-1")
    assert price_list.asked[4]["instanceName"] == "ml.m5.xlarge"


def test_a_refused_question_costs_nothing_but_the_price_and_is_asked_again(ledger: Ledger, price_list: Server) -> None:
    prices = PriceList(ledger.session, ledger.notes)
    price_list.refuses = True
    with at(NOW):
        assert prices.of(["ml.m5.xlarge"], "us-east-1") == {}
        price_list.refuses = False
        assert prices.of(["ml.m5.xlarge"], "us-east-1") == {"ml.m5.xlarge": 0.23}


def test_another_regions_prices_are_kept_apart(ledger: Ledger, price_list: Server) -> None:
    prices = PriceList(ledger.session, ledger.notes)
    with at(NOW):
        prices.of(["ml.m5.xlarge"], "us-east-1")
        prices.of(["ml.m5.xlarge"], "eu-west-1")

    assert [each["regionCode"] for each in price_list.asked] == ["us-east-1", "eu-west-1"]
