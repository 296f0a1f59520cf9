"""Reads a catalogue file and names everything that is wrong with it (contract, section 4).

The file is read once, from its beginning to its end; what is read of it is staged at once.
"""

import csv
import io
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, Protocol, TextIO

from bot.billing.subscription import AccountName, Order, OrderType, Subscription, SubscriptionKey
from bot.facts.records import ORDER, OWN, SEPARATOR, order_of, own_values, record_of, spelled
from bot.services import arrays
from bot.services.errors import BadFile
from bot.services.fields import (
    BY_NAME,
    COLUMNS,
    LONGEST_ID,
    ORDER_FIELDS,
    SUBSCRIPTION_FIELDS,
    TEXT,
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
NOT_AFTER = "is not after `effective_at` (R14)"
_BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 16
_REMEMBERED = 20_000

# Places in a row whose cells stand in the order of COLUMNS: account, id, own fields, order fields.
_OWN, _PAID = 2, 2 + len(OWN)
_EFFECTIVE, _EXPIRES = COLUMNS.index("effective_at"), COLUMNS.index("expires_at")

Raw = Mapping[str, object]


class Staged(Protocol):
    """Where subscriptions go that were read: a part of `bot.ports.takeover.Staging`."""

    def add(self, line: int, account: str, ref: str, record: str) -> None:
        """Stage the one of this account and id that stood in this line."""

    def repeated(self) -> Iterator[tuple[int, SubscriptionKey, int]]:
        """Each line whose key stood in an earlier line, with the key and that line."""


@dataclass(slots=True)
class _Reader:
    """Collects the problems of one file; nothing is used when there is one.

    `account` says whose file it is: rows without one belong to it, others are wrong. `accounts`
    are those that the settings name, None when that does not matter.
    """

    filename: str
    unit: str
    account: AccountName | None = None
    accounts: Collection[str] | None = None
    lines: int = 0
    problems: list[tuple[int, str, str]] = field(default_factory=list)

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
                self.wrong(at, f"{where}expires_at", NOT_AFTER)

    def end(self) -> None:
        """Raise BadFile with all that is wrong."""
        if self.problems:
            self.problems.sort(key=lambda problem: problem[0])
            raise self.refuse()


def read_catalogue(
    file: BinaryIO,
    filename: str,
    staged: Staged,
    *,
    account: AccountName | None = None,
    accounts: Collection[str] | None = None,
) -> None:
    """Stage the subscriptions of a CSV or JSON file in its order; raises BadFile, all or nothing.

    With `account` the file is the whole of that account; `accounts` are those the settings name.
    """
    first = _first_sign(file, filename)
    name = filename.lower()
    is_json = name.endswith(".json") or (not name.endswith(".csv") and first in {b"[", b"{"})
    reader = _Reader(filename, "item" if is_json else "line", account, accounts)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        if is_json:
            _read_json(text, reader, staged)
        else:
            _CsvReader(reader, staged).read(text)
    except UnicodeDecodeError:
        raise _unreadable(filename) from None
    finally:
        text.detach()
    for line, key, before in staged.repeated():
        reader.repeated(line, key, before)
    reader.end()


def subscription_from_json(value: object, *, where: str = "subscription") -> Subscription:
    """One JSON object of contract section 4; raises BadFile, which names `where` it stood."""
    reader = _Reader(where, "item")
    reader.lines = 1
    read = _read_object(reader, 1, value)
    if read is None:
        raise reader.refuse()
    return read


def _first_sign(file: BinaryIO, filename: str) -> bytes:
    """The first character that is not blank; raises BadFile when there is none."""
    seen = False
    block = file.read(_BLOCK)
    text = block.removeprefix(_BOM)
    while block and not text.strip():
        seen = seen or bool(block.strip())
        block = text = file.read(_BLOCK)
    file.seek(0)
    if not text.strip():
        if seen:
            raise _unreadable(filename)
        raise BadFile(filename, [(0, "", "It is empty.")], lines=0, advice=_FILL)
    return text.lstrip()[:1]


def _unreadable(filename: str) -> BadFile:
    return BadFile(filename, [(0, "", _UNREADABLE)], lines=0, advice=_SAVE_AGAIN)


class _Cells(dict[str, str]):
    """What the cells of a column say, as records have it; what was read before is looked up."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._read = BY_NAME[name].codec.from_text
        self[""] = spelled({}) if name == "tags" else ""

    def __missing__(self, cell: str) -> str:
        text = spelled(self._read(cell))
        if len(self) >= _REMEMBERED:
            empty = self[""]
            self.clear()
            self[""] = empty
        self[cell] = text
        return text


class _Same(dict[str, str]):
    """A column of free text; the file has been searched for what no text may have."""

    def __missing__(self, cell: str) -> str:
        return cell


class _Row(NamedTuple):
    """A row without a problem of its own; its texts stand in the order of COLUMNS."""

    line: int
    account: str
    id: str
    texts: Sequence[str]

    @property
    def key(self) -> SubscriptionKey:
        """The identity."""
        return SubscriptionKey(AccountName(self.account), self.id)

    @property
    def own(self) -> Mapping[str, Any]:
        """The values of the subscription."""
        return own_values(self.texts[_OWN:_PAID])

    @property
    def order(self) -> Order | None:
        """The order, if there is one."""
        return order_of(self.texts[_PAID:]) if self.texts[_PAID] else None


class _CsvReader:
    """Reads the rows of a CSV file."""

    def __init__(self, reader: _Reader, staged: Staged) -> None:
        self._reader = reader
        self._staged = staged
        self._columns = [_Same() if _is_free(name) else _Cells(name) for name in COLUMNS]
        self._accounts: dict[str, str] = {}

    def read(self, text: Iterable[str]) -> None:
        """Stage what the rows say."""
        rows = _rows(_without_nul(text, self._reader.filename), self._reader)
        _, header = next(rows)
        _check_header(self._reader, header)
        pick = _picking(header)
        block: list[_Row] = []
        account = ref = ""
        for line, cells in rows:
            self._reader.lines += 1
            row = self._row(line, header, cells, pick)
            if row is None:
                continue
            if row.id != ref or row.account != account:
                self._close(block)
                block = []
                account, ref = row.account, row.id
            block.append(row)
        self._close(block)

    def _row(
        self,
        line: int,
        header: Sequence[str],
        cells: Sequence[str],
        pick: Callable[[Sequence[str]], Sequence[str]],
    ) -> _Row | None:
        if len(cells) != len(header):
            text = f"has {len(cells)} cells, the header has {len(header)}"
            self._reader.wrong(line, "", text)
            return None
        try:
            texts = list(map(operator.getitem, self._columns, pick(cells)))
        except BadValue:
            texts = []
        account = self._accounts.get(texts[0]) if texts and _is_whole(texts) else None
        if account is None:
            account = self._explained(line, dict(zip(header, cells, strict=True)), texts)
        return None if account is None else _Row(line, account, texts[1], texts)

    def _explained(
        self, line: int, row: Mapping[str, str], texts: Sequence[str]
    ) -> AccountName | None:
        """Name what is wrong with a row; its account, when that can be told and nothing else is."""
        before = len(self._reader.problems)
        key = _key_of_row(self._reader, line, row)
        if key is not None and len(self._reader.problems) == before:
            self._accounts[texts[0]] = key.account
        return key.account if key is not None else None

    def _close(self, block: Sequence[_Row]) -> None:
        """Stage one subscription of adjacent rows that repeat its own fields."""
        if len(block) > 1:
            self._close_many(block)
        elif block:
            [(line, account, ref, texts)] = block
            begins, ends = texts[_EFFECTIVE], texts[_EXPIRES]
            if begins and ends and int(ends) <= int(begins):
                self._reader.wrong(line, "expires_at", NOT_AFTER)
            paid = texts[_OWN:] if texts[_PAID] else texts[_OWN:_PAID]
            self._staged.add(line, account, ref, SEPARATOR.join(paid))

    def _close_many(self, block: Sequence[_Row]) -> None:
        line, own, key = block[0].line, block[0].own, block[0].key
        seen: list[Order | None] = []
        orders: list[tuple[int, str, Order]] = []
        for row in block:
            again, order = row.own, row.order
            for name in [each for each in OWN if again.get(each) != own.get(each)]:
                text = f"differs from line {line} of the same subscription"
                self._reader.wrong(row.line, name, text)
            if order in seen or (seen and order is None):
                self._reader.repeated(row.line, key, line)
                continue
            seen.append(order)
            if order is not None:
                orders.append((row.line, "", order))
        self._reader.orders(line, orders)
        whole = _subscription(key, own, [order for _, _, order in orders])
        self._staged.add(line, key.account, key.id, record_of(whole))


def _is_free(name: str) -> bool:
    return name == "id" or BY_NAME[name].codec is TEXT


def _is_whole(texts: Sequence[str]) -> bool:
    """Whether a row has an id, and an order's type if it has anything of one."""
    return 0 < len(texts[1]) <= LONGEST_ID and (bool(texts[_PAID]) or not any(texts[_PAID:]))


def _picking(header: Sequence[str]) -> Callable[[Sequence[str]], Sequence[str]]:
    """Puts the cells of a row into the order of COLUMNS."""
    if tuple(header) == COLUMNS:
        return tuple
    places = [header.index(name) if name in header else None for name in COLUMNS]
    return lambda cells: ["" if place is None else cells[place] for place in places]


def _without_nul(text: Iterable[str], filename: str) -> Iterator[str]:
    for line in text:
        if "\0" in line:
            raise _unreadable(filename)
        yield line


def _rows(text: Iterable[str], reader: _Reader) -> Iterator[tuple[int, list[str]]]:
    source = csv.reader(text, strict=True)
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


def _key_of_row(reader: _Reader, line: int, row: Mapping[str, str]) -> SubscriptionKey | None:
    """The identity of a row; None, and the reasons named, when it cannot be used."""
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
    if any(name in values for name in ORDER) and not row.get("order_type"):
        reader.wrong(line, "order_type", "is missing; it is `new` or `renewal`")
        sound = False
    return key if sound else None


def _read_json(text: TextIO, reader: _Reader, staged: Staged) -> None:
    try:
        for number, item in enumerate(arrays.items(text), start=1):
            reader.lines += 1
            read = _read_object(reader, number, item)
            if read is not None:
                staged.add(number, read.key.account, read.key.id, record_of(read))
    except arrays.NotJson as error:
        raise _not_json(reader.filename, error) from None
    except arrays.NotAnArray:
        raise BadFile(
            reader.filename,
            [(0, "", "It is not an array of subscriptions.")],
            lines=0,
            advice="Write `[ … ]` around them.",
        ) from None


def _not_json(filename: str, error: arrays.NotJson) -> BadFile:
    said = error.text if not error.line else _UNREADABLE
    if error.line:
        said = f"{_UNREADABLE[:-1]}: line {error.line}, column {error.column}."
    return BadFile(
        filename, [(0, "", said or _UNREADABLE)], lines=0, advice="Save it as JSON in UTF-8."
    )


def _read_object(reader: _Reader, number: int, item: object) -> Subscription | None:
    before = len(reader.problems)
    if not isinstance(item, dict):
        reader.wrong(number, "", "is not an object")
        return None
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
    if key is None or len(reader.problems) > before:
        return None
    own = {name: values[name] for name in OWN if name in values}
    return _subscription(key, own, [order for _, _, order in read])


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


def _order(values: Mapping[str, Any]) -> Order:
    return Order(**values)


def _subscription(
    key: SubscriptionKey, own: Mapping[str, Any], orders: Sequence[Order]
) -> Subscription:
    return Subscription(key=key, orders=tuple(orders), **own)
