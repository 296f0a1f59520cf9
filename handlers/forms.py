"""What an opened form carries with it, and what a person has filled in so far."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.subscription import AccountName, SubscriptionKey
from bot.billing.unsubscription import Reason
from bot.billing.worst import Worst
from bot.facts.unsubscribing import Draft

VERSION = "1"
"""Forms live on in messages; a later one may carry other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What stands in the fields; None where the surface does not show the field."""

    reason: Reason | None = None
    details: str = ""
    acknowledged: bool = False
    packages: tuple[SubscriptionKey, ...] | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The figures that a form showed when it was drawn, and their fingerprint."""

    deadline: datetime
    worst: Worst
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What travels with a form through Slack: which form, about what, and what it showed.

    `form` makes sending the same form twice one request. `packages` None means all of a chosen
    quota. `review_of` is the stale request whose new figures are looked at.
    """

    form: str
    refs: tuple[str, ...]
    channel: str = ""
    packages: tuple[SubscriptionKey, ...] | None = None
    scope: Scope = Scope.ALL
    opened_at: datetime | None = None
    shown: Shown | None = None
    review_of: int | None = None

    @classmethod
    def fresh(
        cls, refs: tuple[str, ...], *, channel: str = "", review_of: int | None = None
    ) -> "Carried":
        """A new form."""
        return cls(form=uuid4().hex, refs=refs, channel=channel, review_of=review_of)

    def showing(self, draft: Draft) -> "Carried":
        """The same form, after it was drawn with these figures."""
        shown = Shown(deadline=draft.deadline, worst=draft.worst, fingerprint=draft.fingerprint)
        return replace(
            self,
            refs=draft.refs,
            packages=tuple(sorted(draft.chosen_packages)) if draft.optional_packages else None,
            scope=draft.scope,
            opened_at=draft.opened_at,
            shown=shown,
        )

    def filled(self, filled: Filled) -> "Carried":
        """The same form with the packages and scope that are chosen in it now."""
        packages = self.packages if filled.packages is None else filled.packages
        return replace(self, packages=packages, scope=filled.scope or self.scope)


def encode(carried: Carried) -> str:
    """As short text for `private_metadata` or a button's value."""
    account = _shared_account(carried.refs)
    known: dict[str, Any] = {
        "f": carried.form,
        "a": account,
        "r": [ref.removeprefix(account) for ref in carried.refs],
        "c": carried.channel,
        "p": None if carried.packages is None else [str(key) for key in carried.packages],
        "s": carried.scope.value,
        "o": carried.opened_at.isoformat() if carried.opened_at else None,
        "w": _encode_shown(carried.shown) if carried.shown else None,
        "v": carried.review_of,
    }
    said = {name: value for name, value in known.items() if value not in (None, "")}
    return f"{VERSION} {json.dumps(said, separators=(',', ':'))}"


def decode(text: str) -> Carried:
    """Read what `encode` wrote; KeyError or ValueError when somebody else wrote it."""
    version, _, written = text.partition(" ")
    if version != VERSION:
        raise ValueError(f"a form of version {version[:8]!r} is not known")
    known = json.loads(written)
    packages = known.get("p")
    opened_at = known.get("o")
    shown = known.get("w")
    return Carried(
        form=known["f"],
        refs=tuple(known.get("a", "") + ref for ref in known["r"]),
        channel=known.get("c", ""),
        packages=None if packages is None else tuple(read_key(each) for each in packages),
        scope=Scope(known["s"]),
        opened_at=datetime.fromisoformat(opened_at) if opened_at else None,
        shown=_decode_shown(shown) if shown else None,
        review_of=known.get("v"),
    )


def write_keys(keys: Iterable[SubscriptionKey]) -> str:
    """Several as one text for a button; ids may hold blanks, so each has a line of its own."""
    return "\n".join(str(key) for key in keys)


def read_keys(text: str) -> tuple[SubscriptionKey, ...]:
    """Read what `write_keys` wrote."""
    return tuple(read_key(each) for each in text.split("\n") if each)


def read_key(text: str) -> SubscriptionKey:
    """`account/id`; only the first slash separates, ids may hold more."""
    account, _, ref = text.partition("/")
    return SubscriptionKey(AccountName(account), ref)


def _shared_account(refs: Sequence[str]) -> str:
    """`account/` where all of several name the same one: said once, far more of them fit."""
    heads = {"".join(ref.partition("/")[:2]) for ref in refs}
    head = heads.pop() if len(heads) == 1 else ""
    return head if head.endswith("/") else ""


def _encode_shown(shown: Shown) -> Mapping[str, str]:
    return {
        "d": shown.deadline.isoformat(),
        "m": shown.worst.refund.currency,
        "a": str(shown.worst.refund.amount),
        "h": str(shown.worst.handling_fee.amount),
        "l": str(shown.worst.coupons_lost.amount),
        "g": shown.fingerprint,
    }


def _decode_shown(known: Mapping[str, str]) -> Shown:
    def money(name: str) -> Money:
        return Money(Decimal(known[name]), known["m"])

    return Shown(
        deadline=datetime.fromisoformat(known["d"]),
        worst=Worst(handling_fee=money("h"), refund=money("a"), coupons_lost=money("l")),
        fingerprint=known["g"],
    )
