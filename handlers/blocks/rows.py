"""Two lines a subscription: what it is, and what comes next; as the list and the Home show it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from slack_sdk.models.blocks import RichTextBlock

from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import BillingMode, Status, Subscription
from bot.billing.unsubscription import State
from bot.facts.listing import ListRow
from handlers import text
from handlers.blocks.pieces import Bold, Line, rich

LABEL = 60
BULLET = "• "


@dataclass(frozen=True, slots=True)
class Comes:
    """What comes next: the word that opens the line, when, and what it means in money."""

    word: str
    when: str = ""
    money: str = ""

    def __str__(self) -> str:
        opening = f"{self.word} {self.when}".strip()
        return f"{opening} · {self.money}" if self.money else opening


def comes(row: ListRow, *, today: date) -> Comes:
    """What comes next for a row of the catalogue."""
    subscription = row.subscription
    if row.anchor is None:
        return _nothing_comes(subscription, today=today)
    when = text.short_day(row.anchor.date, today=today)
    if row.anchor.kind is AnchorKind.EXPIRY:
        return Comes("Expires", when, "not renewed")
    word = "Notice by" if row.anchor.kind is AnchorKind.NOTICE else "Deduction"
    return Comes(word, when, text.money(row.amount))


def blocks(rows: Sequence[ListRow], *, today: date) -> list[RichTextBlock]:
    """One block a row, so that gaps mean something: a quota and its packages share theirs."""
    return [rich(*lines) for lines in _groups(rows, today=today)]


def spoken(rows: Sequence[ListRow], *, today: date) -> list[str]:
    """One sentence a row, for those who hear the list; escaped."""
    return [_sentence(row, rows, today=today) for row in rows]


def quota_above(row: ListRow, rows: Sequence[ListRow]) -> ListRow | None:
    """The row of the quota that a package stands below, when it is among these rows."""
    if row.package_of is None:
        return None
    return next((each for each in rows if each.subscription.key == row.package_of.key), None)


def _groups(rows: Sequence[ListRow], *, today: date) -> Iterator[list[Line]]:
    lines: list[Line] = []
    for place, row in enumerate(rows):
        if lines and row.package_of is None:
            yield lines
            lines = []
        if place == 0 and row.package_of is not None:
            lines.append((f"belongs to {row.package_of.label}, {row.subscription.key.account}",))
        lines += _row(row, rows, today=today)
    if lines:
        yield lines


def _row(row: ListRow, rows: Sequence[ListRow], *, today: date) -> list[Line]:
    name = Bold(f"{row.number} {text.clip(row.subscription.label, LABEL)}")
    coming = comes(row, today=today)
    if row.package_of is not None:
        differs = _differs(row, quota_above(row, rows), coming)
        return [(BULLET, name, f" · {differs}"), *_request(row)]
    where = f" · {row.subscription.key.account}"
    if row.subscription.owner is None:
        where += " · no owner"
    return [(name, where), (str(coming),), *_request(row)]


def _differs(row: ListRow, quota: ListRow | None, coming: Comes) -> str:
    same = quota is not None and _same_anchor(row.anchor, quota.anchor)
    return (coming.money or str(coming)) if same else str(coming)


def _same_anchor(one: Anchor | None, other: Anchor | None) -> bool:
    if one is None or other is None:
        return False
    return (one.kind, one.date) == (other.kind, other.date)


def _request(row: ListRow) -> list[Line]:
    return [(f"Request {_request_state(row)}",)] if row.open_request is not None else []


_REQUESTS: Mapping[State, str] = {
    State.APPROVED: "is approved",
    State.EXECUTING: "runs",
    State.VERIFYING: "is read back",
    State.STALE: "is stale",
    State.FAILED: "failed",
}


def _request_state(row: ListRow) -> str:
    verb = _REQUESTS.get(row.open_state, "waits") if row.open_state else "waits"
    return f"{row.open_request} {verb}"


_STATES: Mapping[Status, str] = {
    Status.FROZEN: "Frozen",
    Status.FAILED: "Failed",
    Status.INACTIVE: "Not yet active",
    Status.UNSUBSCRIBED: "Unsubscribed",
}


def _nothing_comes(subscription: Subscription, *, today: date) -> Comes:
    if subscription.billing_mode is BillingMode.PAY_PER_USE:
        return Comes("Pay-per-use")
    ends = subscription.expires_at
    on = text.short_day(text.cloud_day(ends), today=today) if ends else ""
    if subscription.status is not None and subscription.status in _STATES:
        return Comes(_STATES[subscription.status])
    if ends and (subscription.status is Status.EXPIRED or text.cloud_day(ends) < today):
        return Comes("Expired", on)
    return Comes("Expires", on) if ends else Comes("Nothing known to come")


_VERBS: Mapping[AnchorKind, str] = {
    AnchorKind.DEDUCTION: "{money} will be deducted on {when}",
    AnchorKind.NOTICE: "notice to give by {when}, {money}",
    AnchorKind.EXPIRY: "expires on {when}, not renewed",
}


def _sentence(row: ListRow, rows: Sequence[ListRow], *, today: date) -> str:
    coming = comes(row, today=today)
    label = text.esc(text.clip(row.subscription.label, LABEL))
    words = str(coming).replace(" · ", ", ")
    if row.anchor is not None:
        when = text.short_day(row.anchor.date, today=today)
        words = _VERBS[row.anchor.kind].format(money=coming.money, when=when)
        if row.amount is None and row.anchor.kind is AnchorKind.DEDUCTION:
            words = f"deduction on {when}, {coming.money}"
    quota = quota_above(row, rows)
    if quota is not None and _same_anchor(row.anchor, quota.anchor):
        words = coming.money or words
    asked = f", request {_request_state(row)}" if row.open_request is not None else ""
    if row.package_of is not None:
        return f"{row.number}: its package {label}, {words}{asked}."
    account = text.esc(row.subscription.key.account)
    return f"{row.number}: {label}, {account}, {words}{asked}."
