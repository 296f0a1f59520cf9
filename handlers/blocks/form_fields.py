"""The fields of the unsubscription form, the same in a modal and in a message."""

from hashlib import sha256

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    RadioButtonsElement,
    StaticSelectElement,
)

from bot.billing.quote import Scope
from bot.billing.subscription import Package, Subscription
from bot.billing.unsubscription import ACKNOWLEDGEMENT, Reason
from bot.facts.reasons import REASONS
from bot.facts.unsubscribing import Draft
from handlers import ids, text
from handlers.blocks import contracts
from handlers.blocks.pieces import cut
from handlers.forms import Filled

TEN = 10
NOTHING_FILLED = Filled()


def scope(draft: Draft) -> list[Block]:
    """What to give back, where a renewal could go by itself: one radio each, figures follow."""
    if not draft.renewal_scope_possible:
        return []
    begins = draft.renewal_begins_at
    only = f", from {text.day(text.cloud_day(begins))}" if begins else ""
    everything = _option(Scope.ALL.value, "Everything: the running term and the renewal")
    renewals = _option(Scope.RENEWALS.value, f"Only the renewal period{only}")
    chosen = everything if draft.scope is Scope.ALL else renewals
    choice = RadioButtonsElement(
        action_id=ids.SCOPE, options=[everything, renewals], initial_option=chosen
    )
    return [
        InputBlock(
            label=PlainTextObject(text="What to give back"),
            element=choice,
            block_id=ids.SCOPE,
            dispatch_action=True,
        )
    ]


def packages(draft: Draft) -> list[Block]:
    """The packages that may go along, ticked where they do; figures follow each tick."""
    offered = sorted(draft.optional_packages, key=_place)[:TEN]
    if not offered:
        return []
    options = {each.key: _option(str(each.key), each.label) for each in offered}
    ticked = [option for key, option in options.items() if key in draft.chosen_packages]
    boxes = CheckboxesElement(
        action_id=ids.PACKAGES, options=list(options.values()), initial_options=ticked or None
    )
    return [
        InputBlock(
            label=PlainTextObject(text="Packages that go along"),
            element=boxes,
            block_id=ids.PACKAGES,
            optional=True,
            dispatch_action=True,
        )
    ]


def _place(package: Subscription) -> int:
    return list(Package).index(package.package) if package.package else len(Package)


def reason(filled: Filled) -> Block:
    """The cloud's reasons (R51); choosing one may make the details required."""
    options = {reason: _option(str(int(reason)), words) for reason, words in REASONS.items()}
    menu = StaticSelectElement(
        action_id=ids.REASON,
        placeholder=PlainTextObject(text="Choose a reason"),
        options=list(options.values()),
        initial_option=options[filled.reason] if filled.reason else None,
    )
    return InputBlock(
        label=PlainTextObject(text="Reason"),
        element=menu,
        block_id=ids.REASON,
        dispatch_action=True,
    )


def details(draft: Draft, filled: Filled) -> Block:
    """Several lines; required when the reason is *Other*."""
    others = "whoever carries it out does too" if draft.by_hand else "the cloud gets it"
    lines = PlainTextInputElement(
        action_id=ids.DETAILS, multiline=True, initial_value=filled.details or None
    )
    return InputBlock(
        label=PlainTextObject(text="Details"),
        element=lines,
        block_id=ids.DETAILS,
        hint=PlainTextObject(text=f"Approvers read it, {others}. Needed when the reason is Other."),
        optional=filled.reason is not Reason.OTHER,
    )


def fee(draft: Draft, filled: Filled = NOTHING_FILLED) -> Block:
    """The one checkbox: the sentence that is acknowledged, and the figure it stands for."""
    tick = Option(
        value="acknowledged",
        text=PlainTextObject(text=ACKNOWLEDGEMENT),
        description=PlainTextObject(text=_fee_says(draft)),
    )
    boxes = CheckboxesElement(
        action_id=ids.FEE, options=[tick], initial_options=[tick] if filled.acknowledged else None
    )
    return InputBlock(
        label=PlainTextObject(text="Handling fee"), element=boxes, block_id=fee_block_id(draft)
    )


def fee_block_id(draft: Draft) -> str:
    """The checkbox's block: another one as soon as the figures are, so that it is empty again."""
    worst = draft.worst
    facts = f"{draft.scope}/{worst.refund}/{worst.handling_fee}/{worst.coupons_lost}"
    if worst.refund.is_hidden:
        facts = f"{draft.scope}/{draft.fingerprint}"
    return f"{ids.FEE}.{sha256(facts.encode()).hexdigest()[:12]}"


def _fee_says(draft: Draft) -> str:
    if draft.is_contract:
        return contracts.NO_FEE
    fee = draft.total.handling_fee
    if not fee and draft.zero_fee_until:
        until = text.instant(text.last_safe(draft.zero_fee_until))
        return cut(f"Today's fee is {text.money(fee)}, until {until}.", 75)
    return f"At most {text.money(draft.worst.handling_fee)} (estimate)."


def _option(value: str, label: str) -> Option:
    return Option(value=value, text=PlainTextObject(text=cut(label, 75)))
