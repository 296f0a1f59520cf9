"""A receipt in lines of plain words, as the terminal and the page show it.

People stand there by their ids in Slack, as in the record: a name may change, or have to be erased.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.billing.change import Charge
from bot.billing.money import Money, sums
from bot.billing.quote import Scope
from bot.billing.unsubscription import ItemState
from bot.facts.receipt import (
    Handwork,
    ReceiptFacts,
    ReceiptItem,
    Said,
    SecondLook,
    Verification,
)
from bot.services.phrases import counted, instant, listed

COLUMNS = ("", "Subscription", "Outcome", ">Estimated", ">Refund", ">Fee", "Known by")

APPROVED = "Approved"

_OUTCOMES: Mapping[ItemState, str] = {
    ItemState.GONE: "gone",
    ItemState.PLANNED: "not sent",
    ItemState.SENT: "sent, not gone yet",
    ItemState.REFUSED: "refused",
    ItemState.UNKNOWN: "not known",
}
_OF_PEOPLE: Mapping[ItemState, str] = {
    **_OUTCOMES,
    ItemState.PLANNED: "not done",
    ItemState.SENT: "done, not seen gone",
}
"""The same where nothing is sent, since a person carries it out."""

GONE_AND_BACK = "gone, and back"


class Row(NamedTuple):
    """A name and what it says."""

    name: str
    words: str


class ItemRow(NamedTuple):
    """A subscription, in the order of the columns; `known_by` are its id, its order, its error."""

    number: str
    label: str
    outcome: str
    estimated: str
    refund: str
    fee: str
    known_by: str


def title(found: ReceiptFacts) -> str:
    """What it is."""
    return f"Receipt of request {found.number}"


def outcome(found: ReceiptFacts) -> str:
    """How it ended, in one sentence."""
    if found.is_switch:
        return _switched(found)
    if found.contract:
        return f"{_ended(found)} The contract decides what comes back; no refund is assumed."
    if found.dry_run:
        return (
            f"Dry run: nothing was changed at the cloud. The refund would have been "
            f"{money(found.estimate.refund)}, the handling fee "
            f"{money(found.estimate.handling_fee)} (estimate)."
        )
    ended = _ended(found)
    if found.nothing_went:
        return ended
    return f"{ended} {_back(found)}."


def _back(found: ReceiptFacts) -> str:
    """What came back, as far as it is known."""
    if found.refund_known is None:
        return "The refund is not known"
    back = f"{money(found.refund_known)} back"
    if found.refunds_unknown:
        return f"{back}; of {found.refunds_unknown} it is not known"
    return f"{back}{_compared(found.difference)}"


def _switched(found: ReceiptFacts) -> str:
    """The same where auto-renewal was switched: nothing is paid back."""
    to = "on" if found.change.renews else "off"
    if found.dry_run:
        return (
            f"Dry run: nothing was changed at the cloud; auto-renewal would have been turned {to}."
        )
    done = sum(item.auto_renew_off is not None for item in found.items)
    ended = f"{found.state.value.capitalize()}: auto-renewal reads {to}"
    return f"{ended} for {done} of {counted(len(found.items), 'item')}."


def _ended(found: ReceiptFacts) -> str:
    if found.dry_run:
        return "Dry run: nothing was changed."
    gone = sum(item.state is ItemState.GONE for item in found.items)
    gone = sum(item.state is ItemState.GONE for item in found.items)
    unseen = sum(item.state is ItemState.SENT for item in found.items) * found.by_people
    said = f", {unseen} said to be done by hand and not seen gone" if unseen else ""
    ended = f"{found.state.value.capitalize()}: {gone} of {counted(len(found.items), 'item')}"
    look = found.second_look
    if look is None or look.back is None:
        return f"{ended} gone{said}."
    return f"{ended} {'was' if gone == 1 else 'were'} gone{said}. Second look: {look.back}"


def beginning(found: ReceiptFacts) -> Sequence[Row]:
    """What was asked for, acknowledged and approved."""
    details = f": {found.asked.words}" if found.asked.words else ""
    what = ", the renewal periods alone" if found.scope is Scope.RENEWALS else ""
    why, figures = _asked(found, f"{found.reason_words}{details}")
    return [
        Row("Account", f"{found.account}{what}"),
        Row("Asked", f"{instant(found.asked.at)} by {found.asked.by}"),
        why,
        Row(
            "Acknowledged",
            f"{instant(found.acknowledged.at)} by {found.acknowledged.by}: "
            f'"{found.acknowledged.text}"',
        ),
        *figures,
        *([] if found.approvals_required else [Row(APPROVED, "by the settings, which ask nobody")]),
        *(Row(APPROVED, _said(each)) for each in found.approvals),
        *([Row("Glass broken", _said(found.broken_glass))] if found.broken_glass else []),
    ]


def columns(found: ReceiptFacts) -> Sequence[str]:
    """What stands above the items; nothing is paid back where auto-renewal was switched."""
    if not found.is_switch:
        return COLUMNS
    return ("", "Subscription", "Outcome", ">Deduction", ">", ">", "Known by")


def _asked(found: ReceiptFacts, reason: str) -> tuple[Row, Sequence[Row]]:
    """Why, or what was switched; and the figures that were acknowledged, none of a contract."""
    if found.contract:
        return Row("Reason", reason), ()
    worst = found.acknowledged.worst
    if not found.is_switch:
        figures = (
            f"Handling fee at most {money(worst.handling_fee)}, refund at least "
            f"{money(worst.refund)}, coupons lost at most {money(worst.coupons_lost)}"
        )
        return Row("Reason", reason), (Row("", figures),)
    to = "on" if found.change.renews else "off"
    coming = "deducted" if found.change.renews else "not deducted"
    said = listed([f"{money(each.amount)} {coming} {_when(each)}" for each in found.charges])
    return Row("Change", f"Turn auto-renewal {to}"), (Row("", said),)


def _when(charge: Charge) -> str:
    if charge.at_once:
        return "at once"
    return f"on {instant(charge.at)}" if charge.at else "at a time that is not known"


def items(found: ReceiptFacts) -> Sequence[ItemRow]:
    """Every subscription in the order of going."""
    outcomes = _OF_PEOPLE if found.by_people else _OUTCOMES
    return [_item(each, outcomes, dry_run=found.dry_run) for each in found.items]


def total(found: ReceiptFacts) -> ItemRow:
    """All of them added up."""
    if found.is_switch:
        known = [each.amount for each in found.charges if each.amount is not None]
        whole = len(known) == len(found.charges)
        added = listed([str(each) for each in sums(known).values()]) if whole else money(None)
        return ItemRow("", "Total", "", added, "", "", "")
    refund = "" if found.dry_run else money(found.actual.refund)
    fee = money(found.estimate.handling_fee if found.dry_run else found.actual.handling_fee)
    return ItemRow("", "Total", "", money(found.estimate.refund), refund, fee, "")


def end(found: ReceiptFacts) -> Sequence[Row]:
    """What was read back, what went wrong, who settled it, and what all of this rests on."""
    rows: list[Row] = []
    if found.verified is not None:
        read = _read_back(found, found.verified)
        rows.append(Row("Verified", f"{instant(found.verified.at)}: {read}"))
    if found.second_look is not None:
        rows.append(Row("Second look", _second_look(found.second_look)))
    if found.problem is not None and not found.is_back:
        rows.append(Row("Problem", found.problem))
    if found.by_hand is not None:
        rows.append(Row("Done by hand", _said(found.by_hand)))
    rows += [Row("Done by hand", _handwork(each)) for each in found.handwork]
    if found.seen_gone is not None:
        rows.append(Row("Seen gone", _said(found.seen_gone)))
    if found.not_read is not None:
        rows.append(Row("Not read back", found.not_read))
    if found.left is not None:
        rows.append(Row("Left as it is", _said(found.left)))
    if found.left_behind:
        rows.append(Row("Left behind", f"{listed(found.left_behind)}, still paid for"))
    rows.append(Row("Rule set", "as the contract says" if found.contract else found.rules))
    if found.head is not None:
        entries = f"{found.head.entries:,} {'entry' if found.head.entries == 1 else 'entries'}"
        rows.append(Row("Record", f"{entries}, head {found.head.digest}"))
    return rows


def _read_back(found: ReceiptFacts, verified: Verification) -> str:
    if found.is_switch:
        return f"auto-renewal reads {'on' if found.change.renews else 'off'}"
    gone = f"{verified.gone} of {verified.of} gone"
    if verified.refund_orders is None:
        return verified.note or gone
    return f"{gone}, {_renews(verified)}, {counted(verified.refund_orders, 'refund order')}"


def _second_look(look: SecondLook) -> str:
    if look.due is not None:
        return f"due {instant(look.due)}; a newer receipt then says what it found"
    when = instant(look.at) if look.at else ""
    if look.unread is not None:
        return f"{when}: not possible: {look.unread}"
    if look.back is not None:
        return f"{when}: {look.back}"
    orders = counted(look.refund_orders or 0, "refund order")
    gone = "still gone" if look.gone is None else f"{look.gone} gone"
    return f"{when}: {gone}, {_renews(look)}, {orders}"


def _renews(read: Verification | SecondLook) -> str:
    return f"auto-renewal {'off' if read.auto_renew_off else 'not off everywhere'}"


def money(amount: Money | None) -> str:
    """An amount; one that nobody knows is said so, never 0."""
    return "not known" if amount is None else str(amount)


def _item(item: ReceiptItem, outcomes: Mapping[ItemState, str], *, dry_run: bool) -> ItemRow:
    if item.charge is not None:
        return _switched_item(item, dry_run=dry_run)
    came = not dry_run and item.state is ItemState.GONE
    fee = item.estimate.handling_fee if dry_run else item.actual.handling_fee
    order = f"order {item.order}" if item.order else ""
    call = f"the cloud's request {item.cloud_request}" if item.cloud_request else ""
    error = ": ".join(each for each in (item.error_code, item.error) if each)
    return ItemRow(
        str(item.number),
        item.label,
        "would be gone" if dry_run else GONE_AND_BACK if item.back else outcomes[item.state],
        money(item.estimate.refund),
        money(item.actual.refund) if came else "",
        money(fee) if came or dry_run else "",
        ", ".join(each for each in (item.key.id, order, call, error) if each),
    )


def _switched_item(item: ReceiptItem, *, dry_run: bool) -> ItemRow:
    read = {True: "reads off", False: "reads on", None: _OUTCOMES[item.state]}
    outcome = "would be switched" if dry_run else read[item.auto_renew_off]
    amount = money(item.charge.amount if item.charge else None)
    error = ": ".join(each for each in (item.error_code, item.error) if each)
    known_by = ", ".join(each for each in (item.key.id, error) if each)
    return ItemRow(str(item.number), item.label, outcome, amount, "", "", known_by)


def _handwork(done: Handwork) -> str:
    which = f" ({', '.join(str(each) for each in done.items)})"
    words = f": {done.words}" if done.words else ""
    shows = f" {done.evidence}" if done.evidence else ""
    held = "until when the acknowledged figures held"
    late = f", after {instant(done.after)}, {held}" if done.after else ""
    return f"{instant(done.at)} by {done.by}{which}{late}{words}{shows}"


def _said(said: Said) -> str:
    words = f": {said.words}" if said.words else ""
    behalf = f" for {said.behalf}" if said.behalf else ""
    return f"{instant(said.at)} by {said.by}{behalf}{words}"


def _compared(difference: Money | None) -> str:
    if difference is None or difference.is_hidden:
        return ""
    if not difference:
        return ", as estimated"
    more = difference.amount > 0
    return f", {difference if more else -difference} {'more' if more else 'less'} than estimated"
