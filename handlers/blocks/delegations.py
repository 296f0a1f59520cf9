"""Deciding for somebody else: who does now, the form, and what the channel is told."""

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import (
    Block,
    DatePickerElement,
    InputBlock,
    InputInteractiveElement,
    PlainTextInputElement,
    PlainTextObject,
    UserSelectElement,
)
from slack_sdk.models.views import View

from bot.billing.delegation import Delegation
from bot.facts.delegating import DelegationList, Lent
from bot.facts.messages import DelegationNote
from handlers import ids, text
from handlers.blocks.pieces import (
    Content,
    actions,
    button,
    context,
    header,
    modal,
    section,
)
from handlers.blocks.request_body import foreign

SHOWN = 20
WHY_LIMIT = 500
TITLE = "Deciding for others"

FIELDS: Mapping[str, str] = {
    "delegate": ids.DELEGATE_TO,
    "first": ids.DELEGATE_FIRST,
    "last": ids.DELEGATE_LAST,
    "why": ids.DELEGATE_WHY,
}
"""Under which input what is wrong with a field stands."""


def listed(found: DelegationList) -> Content:
    """Who decides for whom now or will, with what the person may do about it."""
    rows = [_row(each, found.zone) for each in found.lent[:SHOWN]]
    none = "Nobody decides for somebody else now."
    rest = len(found.lent) - len(rows)
    more = [context(f"and {rest} more")] if rest > 0 else []
    delegate = button("Delegate…", ids.DELEGATE, "", says="Let somebody decide for me")
    blocks: list[Block] = [
        header(TITLE),
        *(rows or [section(none)]),
        *more,
        *_over(found),
        *actions(delegate if found.may_delegate else None),
        context(f"Days are {found.zone.key}. Only you see this."),
    ]
    said = [_words(each.delegation, found.zone) for each in found.lent[:SHOWN]]
    past = [_past_words(each, found.zone) for each in found.over]
    return Content(text.fallback(*(said or [none]), *past, limit=3000), blocks, TITLE)


def form(form_id: str, *, today: date, delegate: str = "") -> View:
    """To whom, from when, until when, and why."""
    return modal(
        "Delegate",
        [
            section(
                "Somebody else may approve and reject for you, as you. It counts as your own "
                "approval, once, and they pass it on to nobody."
            ),
            _input(
                "To whom",
                ids.DELEGATE_TO,
                _person(delegate),
                hint="Requests are decided in the approvals channel, so they have to be there.",
            ),
            _input("First day", ids.DELEGATE_FIRST, _date(ids.DELEGATE_FIRST, today)),
            _input("Last day", ids.DELEGATE_LAST, _date(ids.DELEGATE_LAST, today)),
            _input(
                "Why",
                ids.DELEGATE_WHY,
                PlainTextInputElement(
                    action_id=ids.DELEGATE_WHY, multiline=True, max_length=WHY_LIMIT
                ),
                hint="The channel reads it, and it is recorded.",
            ),
        ],
        callback_id=ids.DELEGATE_FORM,
        submit="Delegate",
        close="Go back",
        metadata=form_id,
    )


def delegated(
    delegation: Delegation, zone: ZoneInfo, *, channel: str, approver_too: bool = False
) -> View:
    """The form was sent: who decides, who is told, and what it adds for one who decides anyway."""
    words = f"{_words(delegation, zone)} {text.channel(channel)} is told."
    hint = (
        f"{text.mention(delegation.delegate)} is an approver already and decides for you as well. "
        "A request that needs two approvals still takes two different people."
    )
    blocks: list[Block] = [section(words), *([context(hint)] if approver_too else [])]
    return modal("Delegated", blocks, close="Close")


def note(message: DelegationNote) -> Content:
    """What everybody in the channel is told; once it was ended, by whom and when."""
    delegation = message.delegation
    words = _words(delegation, message.zone)
    why = text.esc(text.clip(delegation.why, 300))
    if delegation.ended_by is None or delegation.ended_at is None:
        shown: list[Block] = [section(words), context(foreign_line(delegation.why))]
        return Content(f"{words} Why: {text.sentence(why)}", shown)
    ended = (
        f"{text.mention(delegation.ended_by)} ended it, {text.short_instant(delegation.ended_at)}."
    )
    return Content(
        f"{words} {ended}",
        [section(f"{words}\n{ended}"), context(foreign_line(delegation.why))],
    )


def foreign_line(why: str) -> str:
    """Why, on one line of the small print."""
    return f"Why: {foreign(text.clip(' '.join(why.split()), 300))}"


def _row(lent: Lent, zone: ZoneInfo) -> Block:
    delegation = lent.delegation
    first, last = delegation.days(zone)
    counts = "" if lent.counts else "\nCounts nothing: whoever delegated is no approver now."
    end = button(
        "End now",
        ids.DELEGATION_END,
        delegation.id,
        says=f"End now, until {text.day(last)}",
    )
    return section(
        f"{text.mention(delegation.delegate)} for {text.mention(delegation.approver)}\n"
        f"{_days(first, last)}\n{foreign_line(delegation.why)}{counts}",
        accessory=end if lent.may_end else None,
    )


def _over(found: DelegationList) -> list[Block]:
    """What is over, so that nobody has to look for it in the record."""
    if not found.over:
        return []
    rows = [section(f"{_past(each, found.zone)}\n{foreign_line(each.why)}") for each in found.over]
    return [header("Over"), *rows]


def _past(delegation: Delegation, zone: ZoneInfo) -> str:
    whose = f"{text.mention(delegation.delegate)} for {text.mention(delegation.approver)}"
    days = _days(*delegation.days(zone))
    if delegation.ended_by is None or delegation.ended_at is None:
        return f"{whose}\n{days}"
    ended = f"{text.mention(delegation.ended_by)} ended it"
    return f"{whose}\n{days} · {ended}, {text.short_instant(delegation.ended_at)}"


def _past_words(delegation: Delegation, zone: ZoneInfo) -> str:
    return f"Over: {_past(delegation, zone).replace(chr(10), ', ')}"


def _words(delegation: Delegation, zone: ZoneInfo) -> str:
    first, last = delegation.days(zone)
    return (
        f"{text.mention(delegation.delegate)} decides for {text.mention(delegation.approver)} "
        f"{_days(first, last)[0].lower()}{_days(first, last)[1:]} ({zone.key})."
    )


def _days(first: date, last: date) -> str:
    if first == last:
        return f"On {text.day(first)}"
    return f"From {text.day(first)} to {text.day(last)}"


def _person(delegate: str) -> UserSelectElement:
    return UserSelectElement(
        action_id=ids.DELEGATE_TO,
        placeholder=PlainTextObject(text="Choose a person"),
        initial_user=delegate or None,
    )


def _date(action_id: str, today: date) -> DatePickerElement:
    return DatePickerElement(action_id=action_id, initial_date=today.isoformat())


def _input(label: str, block_id: str, element: InputInteractiveElement, *, hint: str = "") -> Block:
    return InputBlock(
        label=PlainTextObject(text=label),
        element=element,
        block_id=block_id,
        hint=PlainTextObject(text=hint) if hint else None,
    )
