"""What the messages about a request call its change: one set of words for each kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.billing.change import Change, Charge
from bot.billing.money import sums
from bot.billing.quote import Scope
from bot.billing.switching import ACKNOWLEDGED
from bot.billing.unsubscription import ACKNOWLEDGEMENT, Item, Request
from handlers import text

REQUEST: Mapping[Change, str] = {
    Change.RENEWAL_ON: "Request auto-renewal on",
    Change.RENEWAL_OFF: "Request auto-renewal off",
}
"""What is pressed to ask for a switch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a change is said.

    `do` and `did` are the verb, `ended` is what reading shows when it worked. `stays`, of several
    `stay`, says that nothing was done, and `left` what follows for an item that was refused.
    `still` is what is open then, `waits` what an item waits for that was sent, `verifies` what is
    read at the end. `ends`, of several `end`, is what an approval brings about, and `back` whether
    there is a way back. `stake` is what was acknowledged, `each` what it comes to for an item.
    """

    do: str
    did: str
    ended: str
    stays: str
    stay: str
    left: str
    still: str
    waits: str
    step_done: str
    verifies: str
    ends: str
    end: str
    back: str
    by_hand: str
    sentence: str
    stake: Callable[[Request], str]
    each: Callable[[Item], str]


def words(request: Request) -> Words:
    """Those of the request's change; a contract says itself what comes back."""
    return _CONTRACT if request.is_contract else words_of(request.change)


def words_of(change: Change) -> Words:
    """Those of a change that nobody asked for yet."""
    return _WORDS[change]


def of(request: Request, *, first: bool = False) -> str:
    """What changes of the items, which may begin a sentence; nothing before a whole one."""
    if is_switch(request):
        return f"{'A' if first else 'a'}uto-renewal of "
    if request.scope is not Scope.RENEWALS:
        return ""
    return f"{'The' if first else 'the'} renewal period{'' if len(request.items) == 1 else 's'} of "


def is_switch(request: Request) -> bool:
    """Whether it is about auto-renewal, where nothing is given back."""
    return request.change is not Change.UNSUBSCRIBE


def charges(request: Request) -> Sequence[Charge]:
    """What was acknowledged of each item."""
    return [item.charge for item in request.items if item.charge is not None]


def when(charged: Charge) -> str:
    """`at once`, or the instant of the attempt."""
    if charged.at_once:
        return "at once"
    return f"on {text.instant(charged.at)}" if charged.at else "when it is not known"


def amounts(those: Sequence[Charge]) -> str:
    """The sums, one a currency, and how many are not known."""
    known = [each.amount for each in those if each.amount is not None]
    unknown = len(those) - len(known)
    parts = [text.money(each) for each in sums(known).values()]
    if unknown:
        parts.append(text.money(None) if unknown == len(those) else f"{unknown} not known")
    return text.joined(parts)


def deducted(those: Sequence[Charge]) -> str:
    """`USD 1,080.00 will be deducted on …`; of several the first instant."""
    verb = "is deducted" if any(each.at_once for each in those) else "will be deducted"
    return f"{amounts(those)} {verb} {when(first(those))}"


def first(those: Sequence[Charge]) -> Charge:
    """The one that is charged first."""
    far = datetime.max.replace(tzinfo=UTC)
    return min(those, key=lambda each: (not each.at_once, each.at or far))


def _refund(request: Request) -> str:
    worst = request.acknowledgement.worst
    return (
        f"refund at least {text.money(worst.refund)}, "
        f"handling fee at most {text.money(worst.handling_fee)} (estimate)"
    )


def _decides(_: Request) -> str:
    return "the contract decides what comes back, no refund is assumed"


def charged(change: Change, those: Sequence[Charge]) -> str:
    """What a switch deducts, or that it is not deducted."""
    if change is Change.RENEWAL_ON:
        return deducted(those)
    return f"{amounts(those)} will not be deducted"


def _charges(request: Request) -> str:
    return charged(request.change, charges(request))


def _estimate(item: Item) -> str:
    total = item.quote.total
    return text.money(total.refund if total else None)


def _charge(item: Item) -> str:
    charged = item.charge
    return f"{text.money(charged.amount)} {when(charged)}" if charged else text.money(None)


def _amount(item: Item) -> str:
    return text.money(item.charge.amount if item.charge else None)


_WORDS: Mapping[Change, Words] = {
    Change.UNSUBSCRIBE: Words(
        do="unsubscribe",
        did="unsubscribed",
        ended="gone",
        stays="stays",
        stay="stay",
        left="stays paid for",
        still="there",
        waits="until it is gone",
        step_done="the items of this step are gone",
        verifies="the refund back",
        ends="ends",
        end="end",
        back="After the first step there is no way back.",
        by_hand="unsubscribe by hand",
        sentence=ACKNOWLEDGEMENT,
        stake=_refund,
        each=_estimate,
    ),
    Change.RENEWAL_ON: Words(
        do="turn on",
        did="turned on",
        ended="on",
        stays="stays off",
        stay="stays off",
        left="does not renew",
        still="off",
        waits="until it reads on",
        step_done="reads on",
        verifies="it back",
        ends="is turned on",
        end="is turned on",
        back="What is deducted does not come back by turning it off.",
        by_hand="turn it on by hand",
        sentence=ACKNOWLEDGED[Change.RENEWAL_ON],
        stake=_charges,
        each=_charge,
    ),
    Change.RENEWAL_OFF: Words(
        do="turn off",
        did="turned off",
        ended="off",
        stays="stays on",
        stay="stays on",
        left="still renews",
        still="on",
        waits="until it reads off",
        step_done="reads off",
        verifies="it back",
        ends="is turned off",
        end="is turned off",
        back="It can be turned on again by request.",
        by_hand="turn it off by hand",
        sentence=ACKNOWLEDGED[Change.RENEWAL_OFF],
        stake=_charges,
        each=_amount,
    ),
}

_CONTRACT = replace(_WORDS[Change.UNSUBSCRIBE], stake=_decides, each=lambda _: "")
