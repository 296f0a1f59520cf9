"""The demo's catalogue: a file whose terms end so many days after the day it is loaded."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from importlib import resources
from typing import Any

from bot.billing.renewal import CLOUD_ZONE

LAST_SECOND = time(23, 59, 59)


def demo_catalogue(*, today: date) -> bytes:
    """The catalogue as an importable JSON file, its terms laid around `today` (GMT+08:00)."""
    rows = json.loads(resources.files("bot.demo").joinpath("catalogue.json").read_text("utf-8"))
    return json.dumps([_dated(row, today) for row in rows], ensure_ascii=False).encode()


def _dated(row: dict[str, Any], today: date) -> dict[str, Any]:
    return row | {"orders": [_order(order, today) for order in row["orders"]]}


def _order(order: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Write a term out: it ends at 23:59:59 GMT+08:00, `terms_before` whole terms earlier."""
    months = order["term_months"]
    ends = today + timedelta(days=order["ends_in_days"])
    ends = _months_before(ends, months * order.get("terms_before", 0))
    begins = _months_before(ends, months)
    effective = datetime.combine(begins, time.fromisoformat(order["at"]), CLOUD_ZONE)
    expires = datetime.combine(ends, LAST_SECOND, CLOUD_ZONE)
    relative = {"ends_in_days", "terms_before", "at"}
    return {name: value for name, value in order.items() if name not in relative} | {
        "effective_at": effective.isoformat(),
        "expires_at": expires.isoformat(),
    }


def _months_before(day: date, months: int) -> date:
    """The same day so many months earlier; a month too short gives its last day."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    for shorter in range(4):
        try:
            return date(year, month + 1, day.day - shorter)
        except ValueError:
            continue
    raise ValueError(day)
