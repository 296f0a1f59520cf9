"""Auto-renewal switched by request: the facts, one button that asks first, and a second look."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block, ButtonElement, ConfirmObject

from bot.billing.change import Change
from bot.billing.switching import ACKNOWLEDGED
from bot.facts.switching import NewCharges, SwitchDraft, SwitchItem
from handlers import ids, text
from handlers.blocks import change_words, pieces
from handlers.blocks import request_facts as facts
from handlers.blocks.pieces import DRY_RUN, Bold, Content, Line, context, fields, header, rich
from handlers.blocks.pieces import section as said
from handlers.blocks.request_body import foreign

TITLE = "Auto-renewal"


def asked_for(draft: SwitchDraft, carried: str, *, changed: str = "") -> Content:
    """What is switched, what is deducted when, who has to approve until when, and the button.

    `changed` says that the facts are others than those that were shown before.
    """
    verb = change_words.words_of(draft.change).do
    name = _name(draft)
    blocks: list[Block] = [
        header(text.clip(f"{verb.capitalize()} auto-renewal: {name}", 60), dry_run=draft.dry_run),
        *([said(f"*{text.esc(changed)}*")] if changed else []),
        rich(*(_row(each) for each in draft.items)),
        fields(*_facts(draft)),
        said(_approval(draft)),
        *([context(DRY_RUN)] if draft.dry_run else []),
        *pieces.actions(_button(draft, carried)),
    ]
    spoken = text.fallback(
        f"{verb.capitalize()} auto-renewal of {text.esc(name)} ({text.esc(draft.account.name)})?",
        text.esc(changed),
        _approval(draft),
        closing=f"Press {change_words.REQUEST[draft.change]}.",
    )
    return Content(f"Dry run: {spoken}" if draft.dry_run else spoken, blocks, TITLE)


def reviewing(new: NewCharges, carried: str) -> Content:
    """What was acknowledged beside what it means today, and the button to acknowledge it."""
    draft = new.draft
    now = [each.charge for each in draft.items]
    before, after = (change_words.charged(draft.change, each) for each in (new.before, now))
    why = foreign(text.sentence(new.why or "The facts changed"))
    blocks: list[Block] = [
        said(f"Request {new.number} was not executed. {why}"),
        fields(
            (f"Acknowledged {text.short_instant(new.acknowledged_at)}", before),
            (facts.read_when(new.read_at, at=draft.now), after),
        ),
        rich(*(_row(each) for each in draft.items)),
        said(_approval(draft)),
        *([context(DRY_RUN)] if draft.dry_run else []),
        *pieces.actions(
            pieces.button(
                "Acknowledge",
                ids.REVIEW_SWITCH,
                carried,
                style="primary",
                says=f"Acknowledge what request {new.number} means now",
                confirm=_question("Acknowledge?", draft, "Acknowledge"),
            )
        ),
    ]
    spoken = f"Request {new.number} was not executed. {why} Now: {after}."
    return Content(spoken, blocks, "Review new figures")


def _button(draft: SwitchDraft, carried: str) -> ButtonElement:
    label = change_words.REQUEST[draft.change]
    return pieces.button(
        label,
        ids.AUTORENEW_ASK,
        carried,
        says=f"{label}: auto-renewal of {_name(draft)}",
        confirm=_question(f"{label}?", draft, "Request"),
    )


def _question(title: str, draft: SwitchDraft, yes: str) -> ConfirmObject:
    name = pieces.cut(_name(draft), 50)
    return pieces.confirm(title, f"{name}: {_money(draft)} {ACKNOWLEDGED[draft.change]}", yes)


def _name(draft: SwitchDraft) -> str:
    first, *others = draft.ordered
    return f"{first.label} and {len(others)} more" if others else first.label


def _row(item: SwitchItem) -> Line:
    subscription = item.subscription
    places = (subscription.key.account, subscription.region)
    where = "".join(f" · {place}" for place in places if place)
    return (Bold(subscription.label), f"{where} · {text.money(item.charge.amount)}")


def _facts(draft: SwitchDraft) -> Sequence[tuple[str, str]]:
    charges = [each.charge for each in draft.items]
    comes = change_words.when(change_words.first(charges))
    on = draft.change is Change.RENEWAL_ON
    ends = min((each.expires_at for each in draft.ordered if each.expires_at), default=None)
    months = {each.months for each in charges if each.months}
    spans = text.joined([text.plural(each, "month") for each in sorted(months)])
    return (
        ("Amount expected", change_words.amounts(charges)),
        ("Deducted" if on else "Not deducted", comes),
        ("Term ends", text.instant(ends) if ends else "not known"),
        *([("Renews for", spans)] if spans and on else []),
    )


def _money(draft: SwitchDraft) -> str:
    charges = [each.charge for each in draft.items]
    if draft.change is Change.RENEWAL_OFF:
        return f"{change_words.amounts(charges)} will not be deducted."
    if any(each.at_once for each in charges):
        return f"It deducts {change_words.amounts(charges)} at once."
    return f"{change_words.deducted(charges)}."


def _approval(draft: SwitchDraft) -> str:
    """What it means, that somebody has to approve it and until when, and when it is done then."""
    starts = text.plural(draft.cooling_off_minutes, "minute")
    later = f"{starts} later" if draft.cooling_off_minutes else "right after it"
    money = _money(draft)
    if not draft.approvals_needed:
        return f"{money} It needs no approval and is done {later}."
    count = draft.approvals_needed
    needs = "It needs approval" if count == 1 else f"It needs {count} approvals"
    if draft.more_as_unknown:
        needs = f"{needs} since not every amount is known"
    return f"{money} {needs}, by {text.instant(draft.deadline)}, and is done {later}."
