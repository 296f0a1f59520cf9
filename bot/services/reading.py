"""Reads a catalogue file and names everything that is wrong with it (contract, section 4)."""

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.billing.subscription import AccountName, Order, OrderType, Subscription, SubscriptionKey
from bot.services.errors import BadFile
from bot.services.fields import (
    BY_NAME,
    COLUMNS,
    ORDER_FIELDS,
    OWN_FIELDS,
    SUBSCRIPTION_FIELDS,
    BadValue,
    Field,
    nearest,
)
from bot.services.phrases import listed, quoted

DEFAULT_ACCOUNT = AccountName("default")

_UNREADABLE = "Not CSV or JSON in UTF-8."
_SAVE_AGAIN = "Save it as UTF-8."
_FILL = "Write a header and a row for each order into it, or a JSON array."
_OTHER_SEPARATORS = ";\t|"
_OBJECT_KEYS = (*(each.name for each in SUBSCRIPTION_FIELDS), "orders")
_ORDER_KEYS = tuple(each.name for each in ORDER_FIELDS)

Raw = Mapping[str, object]


@dataclass(slots=True)
class _Reader:
    """Collects subscriptions and problems of one file; nothing is used when there is a problem.

    `account` says whose file it is: rows without one belong to it, others are wrong. `accounts`
    are those that the settings name, None when that does not matter.
    """

    filename: str
    unit: str
    account: AccountName | None = None
    accounts: Collection[str] | None = None
    lines: int = 0
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    found: dict[SubscriptionKey, tuple[int, Subscription]] = field(default_factory=dict)

    def wrong(self, line: int, column: str, text: str) -> None:
        self.problems.append((line, column, text if text.endswith("?") else f"{text}."))

    def refuse(self, *, advice: str = "") -> BadFile:
        return BadFile(
            self.filename, self.problems, lines=self.lines, unit=self.unit, advice=advice
        )

    def key(self, line: int, values: Mapping[str, object]) -> SubscriptionKey | None:
        """The identity, with the account that a row without one belongs to."""
        given = values.get("account")
        account = AccountName(str(given)) if given else self.account or DEFAULT_ACCOUNT
        if self.account is not None and account != self.account:
            self.wrong(line, "account", f"{quoted(account)} is not {quoted(self.account)}")
        elif self.accounts is not None and account not in {*self.accounts, DEFAULT_ACCOUNT}:
            hint = listed(sorted({*self.accounts, DEFAULT_ACCOUNT}))
            self.wrong(line, "account", f"{quoted(account)} is not in the settings: {hint}")
        if not values.get("id"):
            self.wrong(line, "id", "is missing")
            return None
        return SubscriptionKey(account, str(values["id"]))

    def add(self, line: int, subscription: Subscription) -> None:
        """Keep a subscription unless the file has it already."""
        before = self.found.get(subscription.key)
        if before is not None:
            self.repeated(line, subscription.key, before[0])
            return
        self.found[subscription.key] = (line, subscription)

    def repeated(self, line: int, key: SubscriptionKey, first: int) -> None:
        self.wrong(line, "", f"repeats {key} of {self.unit} {first}; remove one")

    def orders(self, line: int, orders: Sequence[tuple[int, str, Order]]) -> None:
        """Check what only the orders together can show."""
        currencies = sorted({order.currency for _, _, order in orders if order.currency})
        if len(currencies) > 1:
            self.wrong(line, "currency", f"one subscription is paid in {listed(currencies)} (R42)")
        for index, (at, where, order) in enumerate(orders):
            if index and order.order_type is OrderType.NEW:
                self.wrong(
                    at, f"{where}order_type", "the new purchase comes first, then renewals (R47)"
                )
            if order.effective_at and order.expires_at and order.expires_at <= order.effective_at:
                self.wrong(at, f"{where}expires_at", "is not after `effective_at` (R14)")

    def result(self) -> tuple[Subscription, ...]:
        """Everything, or BadFile with all that is wrong."""
        if self.problems:
            self.problems.sort(key=lambda problem: problem[0])
            raise self.refuse()
        return tuple(subscription for _, subscription in self.found.values())


def read_catalogue(
    data: bytes,
    filename: str,
    *,
    account: AccountName | None = None,
    accounts: Collection[str] | None = None,
) -> tuple[Subscription, ...]:
    """The subscriptions of a CSV or JSON file, in its order; raises BadFile, all or nothing.

    With `account` the file is the whole of that account; `accounts` are those the settings name.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not data.strip():
        raise BadFile(filename, [(0, "", "It is empty.")], lines=0, advice=_FILL)
    if not text.strip() or "\0" in text:
        raise BadFile(filename, [(0, "", _UNREADABLE)], lines=0, advice=_SAVE_AGAIN)
    name = filename.lower()
    is_json = name.endswith(".json") or (
        not name.endswith(".csv") and text.lstrip()[:1] in {"[", "{"}
    )
    if is_json:
        return _read_json(text, _Reader(filename, "item", account, accounts))
    return _read_csv(text, _Reader(filename, "line", account, accounts))


def subscription_from_json(value: object, *, where: str = "subscription") -> Subscription:
    """One JSON object of contract section 4; raises BadFile, which names `where` it stood."""
    reader = _Reader(where, "item")
    reader.lines = 1
    _read_object(reader, 1, value)
    return reader.result()[0]


def _read_csv(text: str, reader: _Reader) -> tuple[Subscription, ...]:
    rows = _rows(text, reader)
    _, header = next(rows)
    _check_header(reader, header)
    block: list[tuple[int, Mapping[str, object], Order | None]] = []
    current: SubscriptionKey | None = None
    for line, cells in rows:
        reader.lines += 1
        read = _read_row(reader, line, header, cells)
        if read is None:
            continue
        key, own, order = read
        if key != current:
            _close(reader, current, block)
            current, block = key, []
        block.append((line, own, order))
    _close(reader, current, block)
    return reader.result()


def _rows(text: str, reader: _Reader) -> Iterator[tuple[int, list[str]]]:
    source = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in source:
            if cells:
                yield line, cells
            line = source.line_num + 1
    except csv.Error:
        reader.wrong(line, "", "is not valid CSV; a quotation mark may be missing")
        reader.lines += 1
        raise reader.refuse(advice="Save it as CSV in UTF-8 again.") from None


def _check_header(reader: _Reader, header: Sequence[str]) -> None:
    used = next((each for each in _OTHER_SEPARATORS if each in header[0]), None)
    if used and len(header) == 1:
        said = "tabs" if used == "\t" else quoted(used)
        reader.problems.append((0, "", f"Its columns are separated by {said}."))
        raise reader.refuse(advice="Separate them by commas, import again.")
    for column in dict.fromkeys(header):
        if column not in BY_NAME:
            near = nearest(column, COLUMNS)
            hint = f" Did you mean {quoted(near)}?" if near else ""
            reader.problems.append((0, "", f"Unknown column {quoted(column)}.{hint}"))
        elif header.count(column) > 1:
            reader.problems.append((0, "", f"Column {quoted(column)} stands there twice."))
    if "id" not in header:
        reader.problems.append((0, "", "Column `id` is missing."))
    if reader.problems:
        raise reader.refuse(advice="Correct the header, import again.")


def _read_row(
    reader: _Reader, line: int, header: Sequence[str], cells: Sequence[str]
) -> tuple[SubscriptionKey, Mapping[str, object], Order | None] | None:
    if len(cells) != len(header):
        reader.wrong(line, "", f"has {len(cells)} cells, the header has {len(header)}")
        return None
    row = dict(zip(header, cells, strict=True))
    values: dict[str, object] = {}
    sound = True
    for name, cell in row.items():
        if not cell:
            continue
        try:
            values[name] = BY_NAME[name].codec.from_text(cell)
        except BadValue as error:
            reader.wrong(line, name, str(error))
            sound = False
    key = reader.key(line, values)
    paid = {each.name: values[each.name] for each in ORDER_FIELDS if each.name in values}
    if paid and "order_type" not in paid and not row.get("order_type"):
        reader.wrong(line, "order_type", "is missing; it is `new` or `renewal`")
        sound = False
    if key is None or not sound:
        return None
    own = {each.name: values[each.name] for each in OWN_FIELDS if each.name in values}
    return key, own, _order(paid) if paid else None


def _close(
    reader: _Reader,
    key: SubscriptionKey | None,
    block: Sequence[tuple[int, Mapping[str, object], Order | None]],
) -> None:
    """Make one subscription of adjacent rows that repeat its own fields."""
    if key is None:
        return
    line, own, _ = block[0]
    seen: list[Order | None] = []
    orders: list[tuple[int, str, Order]] = []
    for at, again, order in block:
        for name in [
            each.name for each in OWN_FIELDS if again.get(each.name) != own.get(each.name)
        ]:
            reader.wrong(at, name, f"differs from line {line} of the same subscription")
        if order in seen or (seen and order is None):
            reader.repeated(at, key, line)
            continue
        seen.append(order)
        if order is not None:
            orders.append((at, "", order))
    reader.orders(line, orders)
    reader.add(line, _subscription(key, own, [order for _, _, order in orders]))


def _read_json(text: str, reader: _Reader) -> tuple[Subscription, ...]:
    try:
        items = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, BadValue) else _UNREADABLE
        if isinstance(error, json.JSONDecodeError):
            said = f"{said[:-1]}: line {error.lineno}, column {error.colno}."
        raise BadFile(
            reader.filename, [(0, "", said)], lines=0, advice="Save it as JSON in UTF-8."
        ) from None
    if not isinstance(items, list):
        raise BadFile(
            reader.filename,
            [(0, "", "It is not an array of subscriptions.")],
            lines=0,
            advice="Write `[ … ]` around them.",
        )
    for number, item in enumerate(items, start=1):
        reader.lines += 1
        _read_object(reader, number, item)
    return reader.result()


def _read_object(reader: _Reader, number: int, item: object) -> None:
    before = len(reader.problems)
    if not isinstance(item, dict):
        reader.wrong(number, "", "is not an object")
        return
    values = _read_fields(reader, number, item, known=_OBJECT_KEYS, where="")
    key = reader.key(number, values)
    orders = item.get("orders")
    read: list[tuple[int, str, Order]] = []
    if orders is not None and not isinstance(orders, list):
        reader.wrong(number, "orders", "is not an array")
    for index, each in enumerate(orders if isinstance(orders, list) else ()):
        order = _read_order(reader, number, each, where=f"orders[{index}]")
        if order is not None:
            read.append((number, f"orders[{index}].", order))
    reader.orders(number, read)
    if key is not None and len(reader.problems) == before:
        own = {each.name: values[each.name] for each in OWN_FIELDS if each.name in values}
        reader.add(number, _subscription(key, own, [order for _, _, order in read]))


def _read_order(reader: _Reader, number: int, value: object, *, where: str) -> Order | None:
    if not isinstance(value, dict):
        reader.wrong(number, where, "is not an object")
        return None
    before = len(reader.problems)
    paid = _read_fields(reader, number, value, known=_ORDER_KEYS, where=f"{where}.")
    if len(reader.problems) > before:
        return None
    if "order_type" not in paid:
        reader.wrong(number, f"{where}.order_type", "is missing; it is `new` or `renewal`")
        return None
    return _order(paid)


def _read_fields(
    reader: _Reader, number: int, item: Raw, *, known: tuple[str, ...], where: str
) -> Mapping[str, object]:
    values: dict[str, object] = {}
    for name, value in item.items():
        if name not in known:
            near = nearest(name, known)
            hint = f"; did you mean {quoted(near)}?" if near else ""
            reader.wrong(number, f"{where}{name[:60]}", f"unknown key{hint}")
            continue
        if value is None or name == "orders":
            continue
        read = _value(reader, number, BY_NAME[name], value, where=where)
        if read is not None:
            values[name] = read
    return values


def _value(reader: _Reader, number: int, key: Field, value: object, *, where: str) -> object:
    try:
        return key.codec.from_json(value)
    except BadValue as error:
        reader.wrong(number, f"{where}{key.name}", str(error))
        return None


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise BadValue(f"The key {quoted(name)} stands twice in one object.")
        found[name] = value
    return found


def _no_constant(word: str) -> object:
    raise BadValue(f"{quoted(word)} is not JSON.")


def _order(values: Mapping[str, Any]) -> Order:
    return Order(**values)


def _subscription(
    key: SubscriptionKey, own: Mapping[str, Any], orders: Sequence[Order]
) -> Subscription:
    return Subscription(key=key, orders=tuple(orders), **own)
