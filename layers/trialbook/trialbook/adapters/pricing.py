"""The price of machines an hour, from AWS's price list, remembered in the ledger."""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from trialbook.core.times import iso
from trialbook.ledger.notes import Notes
from trialbook.runtime import clock
from trialbook.runtime.observability import logger

_HOME = "us-east-1"  # the price list has three endpoints, and the same prices at each
_FRESH = timedelta(days=30)
_ASKED_AGAIN = timedelta(days=1)  # what has no price today may have one tomorrow
_HOURS = frozenset({"hrs", "hours", "hour"})


class PriceList:
    """On-demand prices of training. A price that can't be had stays unknown and stops nothing."""

    def __init__(self, session: Session, notes: Notes) -> None:
        self._session, self._notes = session, notes

    def of(self, instance_types: Collection[str], region: str) -> Mapping[str, float]:
        """US dollars an hour by instance type, without those that have none. Asks AWS once a month for each type."""
        name = f"prices {region}"
        kept: dict[str, dict[str, Any]] = json.loads(self._notes.get(name) or "{}")
        wanted = [each for each in sorted(instance_types) if not _is_fresh(kept.get(each))]
        if wanted:
            kept |= {each: {"usd": price, "at": iso(clock.now())} for each, price in self._ask(wanted, region)}
            self._notes.put(name, json.dumps(kept))
        return {each: kept[each]["usd"] for each in instance_types if kept.get(each, {}).get("usd") is not None}

    def _ask(self, instance_types: Collection[str], region: str) -> Iterator[tuple[str, float | None]]:
        try:
            client: Any = self._session.create_client("pricing", region_name=_HOME)
            for each in instance_types:
                yield each, _price(client, each, region)
        except (ClientError, BotoCoreError) as error:
            logger.warning("prices are unknown for now", region=region, reason=str(error)[:500])


def _is_fresh(entry: Mapping[str, Any] | None) -> bool:
    if entry is None:
        return False
    age = clock.now() - datetime.fromisoformat(entry["at"])
    return age < (_ASKED_AGAIN if entry["usd"] is None else _FRESH)


def _price(client: Any, instance_type: str, region: str) -> float | None:
    wanted = {"regionCode": region, "instanceName": instance_type, "component": "Training"}
    answer = client.get_products(
        ServiceCode="AmazonSageMaker",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()],
    )
    return min((price for text in answer["PriceList"] for price in _hourly(json.loads(text))), default=None)


def _hourly(product: Mapping[str, Any]) -> Iterator[float]:
    """The prices by the hour of a product; free tiers and other units left out."""
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            price = float(dimension.get("pricePerUnit", {}).get("USD", 0))
            if str(dimension.get("unit", "")).lower() in _HOURS and price > 0:
                yield price
