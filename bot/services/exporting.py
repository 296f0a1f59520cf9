"""The whole book as a file; imported into an empty database it exports the same bytes."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

from bot.billing.subscription import Subscription
from bot.services.exchange import subscription_json, to_rows
from bot.services.fields import COLUMNS


def to_csv(subscriptions: Iterable[Subscription]) -> Iterator[str]:
    """The lines of a CSV file: a header, then one row an order; each piece ends its line."""
    yield _line(COLUMNS)
    for subscription in subscriptions:
        for row in to_rows(subscription):
            yield _line(row)


def to_json(subscriptions: Iterable[Subscription]) -> Iterator[str]:
    """The pieces of a JSON array, one subscription each, indented for people and diffs."""
    yield "["
    separator = "\n"
    for subscription in subscriptions:
        text = json.dumps(subscription_json(subscription), ensure_ascii=False, indent=2)
        yield separator + "\n".join(f"  {line}" for line in text.split("\n"))
        separator = ",\n"
    yield "\n]\n" if separator != "\n" else "]\n"


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
