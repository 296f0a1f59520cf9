"""Turning auto-renewal off: what would change, the question, and what was read back."""

from collections.abc import Sequence
from datetime import datetime

from slack_sdk.models.blocks import (
    Block,
    ButtonElement,
    CheckboxesElement,
    ConfirmObject,
    InputBlock,
    Option,
    PlainTextObject,
)
from slack_sdk.models.views import View

from bot.billing.change import Change
from bot.billing.subscription import Subscription
from bot.billing.switching import ACKNOWLEDGED
from bot.facts.renewing import Renewal, Renewals, TurnedOff, TurnedOffItem
from handlers import ids, text
from handlers.blocks.change_words import REQUEST
from handlers.blocks.pieces import (
    DRY_RUN,
    Bold,
    Content,
    Line,
    Who,
    actions,
    button,
    confirm,
    context,
    cut,
    fields,
    header,
    modal,
    rich,
    section,
)

TITLE = "Auto-renewal"
BOXES = 10
"""Slack draws at most ten checkboxes."""


def turning_off(renewals: Renewals) -> Content:
    """The facts of `/lapse autorenew off ID` and one button, which is the confirmation."""
    first = renewals.items[0]
    label = first.subscription.label
    blocks: list[Block] = [
        header(text.clip(f"{_label(renewals)}: {label}", 60), dry_run=renewals.dry_run),
        rich((Bold(label), _place(first.subscription))),
        fields(*_facts(first, renewals.now)),
        *([context(_packages(renewals))] if len(renewals.items) > 1 else []),
        *([context(_by_request())] if renewals.by_request else []),
        *([context(DRY_RUN)] if renewals.dry_run else []),
        *actions(_press(renewals)),
    ]
    opening = "Dry run: turn" if renewals.dry_run else "Turn"
    name = f"{text.esc(label)}, {text.esc(first.subscription.key.account)}"
    spoken = text.fallback(
        f"{opening} off auto-renewal of {name}?",
        _consequence(first, renewals.now),
        _by_request() if renewals.by_request else "",
        f"Press {_label(renewals)}",
    )
    return Content(spoken, blocks, TITLE)


def form(renewals: Renewals) -> View:
    """A quota and its packages as checkboxes, all ticked: each renews by its own setting (R7)."""
    options = [_option(each) for each in renewals.items[:BOXES]]
    boxes = CheckboxesElement(
        action_id=ids.AUTORENEW_TICKS, options=options, initial_options=options
    )
    blocks: list[Block] = [
        section("Each renews by its own setting. What is not ticked goes on renewing."),
        InputBlock(
            block_id=ids.AUTORENEW_TICKS,
            label=PlainTextObject(text="Turn off auto-renewal of"),
            element=boxes,
            optional=True,
        ),
    ]
    if renewals.by_request:
        blocks.append(context(_by_request()))
    return modal(
        _label(renewals),
        blocks,
        close="Go back",
        submit="Send request" if renewals.by_request else "Turn off",
        callback_id=ids.AUTORENEW_FORM,
        dry_run=renewals.dry_run,
    )


def turned_off(result: TurnedOff) -> Content:
    """What was read back: off, or why not, one line a subscription; and who did it when."""
    off = [each for each in result.items if each.off]
    title, verb = _headline(result, off)
    well = result.dry_run or len(off) == len(result.items)
    emoji = "white_check_mark" if well else "warning"
    blocks: list[Block] = [
        header(title, emoji=emoji, dry_run=result.dry_run),
        rich(*(_result(each, result) for each in result.items)),
        rich((Who(result.by), f" {verb}, {text.short_instant(result.at)}.{_read_back(result)}")),
        *([context(DRY_RUN)] if result.dry_run else []),
        *actions(_on_again(result, off)),
    ]
    opening = "Dry run: " if result.dry_run else ""
    spoken = text.fallback(
        f"{opening}{title}",
        *(text.esc("".join(_words(each, result))) for each in result.items),
        f"{text.mention(result.by)} {verb}, {text.short_instant(result.at)}",
    )
    return Content(spoken, blocks, TITLE)


def _on_again(result: TurnedOff, off: Sequence[TurnedOffItem]) -> ButtonElement | None:
    if result.dry_run or not off:
        return None
    keys = "\n".join(str(each.key) for each in off)
    return button("Turn on again…", ids.AUTORENEW_ON, keys, says="Turn auto-renewal on again")


def in_progress(by: str) -> Content:
    """What stands there from the press until the cloud has answered."""
    words = f"{text.mention(by)} is turning it off…"
    return Content(words, [section(words)], TITLE)


def progress_answer(by: str, *, by_request: bool = False) -> dict[str, object]:
    """The same as the answer to the form."""
    sending = Content("Sending the request…", [section("Sending the request…")], TITLE)
    shown = sending if by_request else in_progress(by)
    view = modal(off_label(by_request=by_request), shown.blocks, close="Close")
    return {"response_action": "update", "view": view.to_dict()}


def nothing_ticked() -> dict[str, object]:
    """The answer to a form in which nothing was ticked."""
    errors = {ids.AUTORENEW_TICKS: "Tick at least one subscription."}
    return {"response_action": "errors", "errors": errors}


def _headline(result: TurnedOff, off: Sequence[TurnedOffItem]) -> tuple[str, str]:
    if result.dry_run:
        return "auto-renewal would have been turned off", "pressed it"
    if len(off) == len(result.items):
        return "Auto-renewal is off: nothing will be deducted", "turned it off"
    if off:
        return f"Auto-renewal is off for {len(off)} of {len(result.items)}", "turned them off"
    return "Auto-renewal is still on", "tried to turn it off"


def _result(each: TurnedOffItem, result: TurnedOff) -> Line:
    label, words = _words(each, result)
    return (Bold(label), words)


def _words(each: TurnedOffItem, result: TurnedOff) -> tuple[str, str]:
    if not each.off and not result.dry_run:
        return each.subscription.label, f" · still on: {each.error or 'the cloud did not say why.'}"
    ends = each.subscription.expires_at
    works = "works until" if ends and ends > result.at else "ended on"
    until = f", {works} {text.instant(ends)}" if ends else ""
    state = "would be off" if result.dry_run else "off"
    return each.subscription.label, f" · {state}{until}"


def _read_back(result: TurnedOff) -> str:
    if result.dry_run or not any(each.off for each in result.items):
        return ""
    return " Read back at the cloud."


def _press(renewals: Renewals) -> ButtonElement:
    first = renewals.items[0]
    several = len(renewals.items) > 1
    end = _end(first.subscription, renewals.now)
    saved = f" {text.money(first.amount)} will not be deducted." if first.amount else ""
    question = off_question(
        first.subscription.label, f"{end}.", saved.strip(), by_request=renewals.by_request
    )
    return button(
        _label(renewals),
        ids.AUTORENEW_FORM if several else ids.AUTORENEW_OFF,
        str(first.subscription.key),
        says=f"{_label(renewals)} of {first.subscription.label}",
        confirm=None if several else question,
    )


def _label(renewals: Renewals) -> str:
    return off_label(by_request=renewals.by_request)


def off_label(*, by_request: bool) -> str:
    """What is pressed: it is turned off at once or, where the settings say so, asked for."""
    return REQUEST[Change.RENEWAL_OFF] if by_request else "Turn off auto-renewal"


def off_question(label: str, ends: str, saved: str, *, by_request: bool) -> ConfirmObject:
    """What turning off means; by request also what asking acknowledges.

    `ends` says when it ends, `saved` what is then not deducted.
    """
    title = f"{off_label(by_request=by_request)}?"
    if not by_request:
        return confirm(title, f"{cut(label, 80)} {ends} {saved}".strip(), "Turn off")
    means = f"{saved} {_by_request()}".strip()
    return confirm(title, f"{cut(label, 50)}: {means}", "Request")


def _by_request() -> str:
    """That the press asks for it, and what it acknowledges."""
    return f"It needs approval. By asking you acknowledge: {ACKNOWLEDGED[Change.RENEWAL_OFF]}"


def _place(subscription: Subscription) -> str:
    places = (subscription.key.account, subscription.region)
    return "".join(f" · {place}" for place in places if place)


def _end(subscription: Subscription, now: datetime) -> str:
    ends = subscription.expires_at
    if ends is None:
        return "is not renewed"
    if ends <= now:
        return f"ended on {text.instant(ends)}"
    return f"ends on {text.instant(ends)} unless someone renews it"


def _facts(item: Renewal, now: datetime) -> Sequence[tuple[str, str]]:
    ends, late = item.subscription.expires_at, item.late_charge_at
    at = item.anchor.at if item.anchor else late
    safe = text.instant(text.last_safe(item.safe_until)) if item.safe_until else "not known"
    return (
        ("May still be charged" if late else "Next deduction", _instant(at)),
        ("Amount expected", text.money(item.amount)),
        ("Last safe moment", safe),
        ("Works until" if ends is None or ends > now else "Expired", _instant(ends)),
    )


def _instant(at: datetime | None) -> str:
    return text.instant(at) if at else "not known"


def _consequence(item: Renewal, now: datetime) -> str:
    end = f"It {_end(item.subscription, now)}. " if item.subscription.expires_at else ""
    return f"{end}{text.money(item.amount)} will not be deducted"


def _packages(renewals: Renewals) -> str:
    count = text.plural(len(renewals.items) - 1, "package")
    return f"{count} beside it: each renews by its own setting; the next step asks which."


def _option(item: Renewal) -> Option:
    label = cut(item.subscription.label, 50)
    words = PlainTextObject(text=cut(f"{label} · {text.money(item.amount)}", 75), emoji=False)
    return Option(text=words, value=str(item.subscription.key))
