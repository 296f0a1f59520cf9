"""The blocks, rows and buttons that the request message has in more than one state."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from slack_sdk.models.blocks import Block, ButtonElement

from bot.billing.unsubscription import Item, ItemState, Request, State, Step, StepState, Verb
from bot.facts.messages import Fresh
from bot.facts.reasons import REASONS
from bot.facts.receipt import in_order
from handlers import ids, text
from handlers.blocks import contracts, refusal_words
from handlers.blocks import request_facts as facts
from handlers.blocks.change_words import amounts, charges, is_switch, when, words
from handlers.blocks.change_words import first as earliest
from handlers.blocks.pieces import (
    DRY_RUN,
    Bold,
    Line,
    Link,
    Where,
    Who,
    button,
    confirm,
    cut,
    fields,
    quotations,
    rich,
    section,
)
from handlers.blocks.stale_words import is_unapproved

AGAIN = "Lapse changed nothing: look at the cloud's console, then ask again or keep it."
ASK_AGAIN = "Nothing more of it is done with these approvals: leave it as is and ask again."
LOOK = "Look at the cloud's console whether it is still gone."


def asked(request: Request) -> Block:
    """Who asks for what, where; in the past once nothing more can come of it."""
    verb = "asked" if request.closed else "asks"
    where = text.esc(", ".join(part for part in (request.account, facts.region(request)) if part))
    return section(
        f"{text.mention(request.requested_by)} {verb} to {words(request).do} "
        f"{foreign(facts.counted(request))} of {where}. Request {request.number}."
    )


def reason(request: Request) -> Block:
    """The reason that was chosen, and the details as a quotation; then who acknowledged what, when.

    Auto-renewal needs no reason. At the end stands why glass was broken.
    """
    why: Line = (Bold("Reason: "), REASONS[request.reason])
    parts: list[tuple[Sequence[Line], str]] = (
        [] if is_switch(request) else [([why], request.details)]
    )
    parts.append(([_acknowledgement(request)], ""))
    broken = request.broken_glass
    if broken is not None and broken.by is not None:
        parts.append(([(Bold("Glass broken by "), Who(broken.by), ":")], broken.note or ""))
    return quotations(*parts)


def _acknowledgement(request: Request) -> Line:
    """The sentence, who ticked it and when; new figures void what was approved before them."""
    said, again = request.acknowledgement, " again" if request.acknowledged_as else ""
    fell = f"; {facts.VOID}" if facts.voided(request, request.acknowledged_as) else ""
    when = facts.moment(said.at, request)
    return (Bold(f"Acknowledged{again}"), " by ", Who(said.by), f", {when}{fell}: {said.text}")


def figures(request: Request, *, gone: bool = False) -> Block:
    """Now, at least and at most, paid, lost, and what keeping costs; all estimates.

    What is gone comes to nothing now, and cannot be kept.
    """
    if is_switch(request):
        return fields(*_charge(request))
    if request.is_contract:
        return contracts.request_figures(request)
    worst, total = request.acknowledgement.worst, facts.sums(request)
    pairs = [
        ("Refund (estimate)" if gone else "Refund now (estimate)", text.money(total.refund)),
        ("At least, until the deadline", text.money(worst.refund)),
        ("Handling fee, at most", text.money(worst.handling_fee)),
        ("Paid", text.money(total.paid)),
        ("Coupons lost", text.money(worst.coupons_lost)),
    ]
    kept = "" if gone else facts.kept(request)
    return fields(*pairs, *([("If kept", kept)] if kept else []))


def figures_left(request: Request) -> Block:
    """The same of a failed one: what came back of what is gone stands apart from what is left."""
    left = [item for item in request.items if item.state is not ItemState.GONE]
    if len(left) == len(request.items) or not request.has_figures:
        return figures(request)
    total = facts.sums(replace(request, items=tuple(left)))
    read = any(item.refund_actual is not None for item in request.items)
    return fields(
        ("Refund at the cloud so far", facts.refund_known(request) if read else "not read yet"),
        ("Still open: refund (estimate)", text.money(total.refund)),
        ("Still open: handling fee (estimate)", text.money(total.handling_fee)),
        ("Still open: paid", text.money(total.paid)),
    )


def compared(request: Request, fresh: Fresh | None) -> Block:
    """What was acknowledged beside what it means now, each with when that was."""
    was = request.acknowledgement
    columns = [(f"Acknowledged {text.short_instant(was.at)}", facts.means(request))]
    if fresh is not None:
        columns.append((facts.read_when(fresh.read_at, at=fresh.at), _means_now(request, fresh)))
    return fields(*columns)


def _means_now(request: Request, fresh: Fresh) -> str:
    if fresh.worst is None:
        return facts.charged(request, fresh.charges)
    return f"Refund now {text.money(fresh.refund)}\n{facts.worst_lines(fresh.worst)}"


def _charge(request: Request) -> Sequence[tuple[str, str]]:
    """What a renewal costs, when, and for how long, as it was acknowledged."""
    those = charges(request)
    lasting = {each.months for each in those if each.months}
    spans = text.joined([text.plural(each, "month") for each in sorted(lasting)])
    name = "Deducted" if request.change.renews else "Not deducted"
    return (
        ("Amount expected", amounts(those)),
        (name, when(earliest(those))),
        *([("Renews for", spans)] if spans and request.change.renews else []),
        *([("If it stays off", facts.kept(request))] if request.change.renews else []),
    )


def remembered(request: Request) -> tuple[Block, ...]:
    """What an ended request was about: who asked, why, for what.

    Nothing comes back of it, so no figure stands there that would read as a price.
    """
    left = [request.left_behind] if request.left_behind else []
    return (
        asked(request),
        reason(request),
        rich(*rows(request, _named), *[(f"Left behind: {', '.join(each)}",) for each in left]),
    )


def rows(request: Request, row: Callable[[Request, Item], Line]) -> list[Line]:
    """One numbered line an item, in the order in which they go; ten, then how many more."""
    return _listed(request, list(enumerate(in_order(request), start=1)), row)


def open_rows(request: Request) -> list[Line]:
    """The same of what is not done, with the numbers that it has among all, and its money."""
    numbered = enumerate(in_order(request), start=1)
    left = [(number, item) for number, item in numbered if item.state is not ItemState.GONE]
    return _listed(request, left, _worth)


def _listed(
    request: Request,
    numbered: Sequence[tuple[int, Item]],
    row: Callable[[Request, Item], Line],
) -> list[Line]:
    lines: list[Line] = [
        (f"{number} {item.label}", *row(request, item))
        for number, item in numbered[: facts.SHOWN_ITEMS]
    ]
    rest = len(numbered) - facts.SHOWN_ITEMS
    return [*lines, (f"and {rest} more",)] if rest > 0 else lines


def _worth(request: Request, item: Item) -> Line:
    """What the item is about where no figure above says what its sum is."""
    each = words(request).each(item)
    if each and request.has_figures:
        each = f"refund {each} (estimate)"
    return (f" · {each}",) if each else ()


def estimate(request: Request, item: Item) -> Line:
    """What the item was quoted at, or is deducted for it; nothing of a contract."""
    each = words(request).each(item)
    return (f" · {each}",) if each else ()


def _named(request: Request, item: Item) -> Line:  # noqa: ARG001 - one shape for every row
    """Nothing beside its name."""
    return ()


def acknowledged(request: Request, item: Item) -> Line:
    """The same of one that means something else now."""
    each = words(request).each(item)
    return (f" · {each} when acknowledged",) if each else ()


def progress(request: Request, item: Item) -> Line:
    """What has become of the item."""
    return _PROGRESS[item.state](request, item)


def _planned(request: Request, item: Item) -> Line:
    if request.state is State.FAILED:
        return (" · ", Bold("not sent"))
    step = step_of(request, item)
    if step and step.after:
        return (" · ", Bold("next"), ", waits until the edition is basic")
    return (" · ", Bold("next"))


def _sent(request: Request, item: Item) -> Line:
    step = step_of(request, item)
    sent = f", sent {facts.clock(step.started_at, request)}" if step and step.started_at else ""
    if request.state is State.FAILED:
        taken = step is not None and step.state is StepState.ACCEPTED
        seen = "taken by the cloud, not seen " if taken else "no answer was read, not seen "
        return (" · ", Bold("not known"), f"{sent}, {seen}{words(request).ended} yet")
    return (" · ", Bold("now"), f"{sent}, waiting {words(request).waits}")


def _gone(request: Request, item: Item) -> Line:
    if request.dry_run:
        return (" · ", Bold("would be done"))
    when = f" {facts.moment(item.gone_at, request)}" if item.gone_at else ""
    step = step_of(request, item)
    opens = step and any(step.number in later.after for later in request.steps)
    basic = ", edition is basic" if opens else ""
    back = f", {text.money(item.refund_actual)}" if item.refund_actual is not None else ""
    return (" · ", Bold("done"), f"{when}{basic}{back}")


def _refused(request: Request, item: Item) -> Line:  # noqa: ARG001 - one shape for every row
    code = f" ({item.error_code})" if item.error_code else ""
    why = (item.error or "the cloud refused").rstrip(".")
    if not item.error_code:
        return (" · ", Bold("not done"), f": {lower(why)}")
    return (" · ", Bold("refused"), f": {why}{code}, nothing changed")


def _unknown(request: Request, item: Item) -> Line:  # noqa: ARG001 - one shape for every row
    if request.state is State.FAILED:
        return (" · ", Bold("not known"), ": no clear answer came, and none was read since")
    waits = "no clear answer came; Lapse reads the cloud every 5 seconds, repeats nothing"
    return (" · ", Bold("not known"), f": {waits}")


_PROGRESS: dict[ItemState, Callable[[Request, Item], Line]] = {
    ItemState.PLANNED: _planned,
    ItemState.SENT: _sent,
    ItemState.GONE: _gone,
    ItemState.REFUSED: _refused,
    ItemState.UNKNOWN: _unknown,
}


def step_of(request: Request, item: Item) -> Step | None:
    """The step that takes the item."""
    return next((step for step in request.steps if item.key in step.subscriptions), None)


def running(request: Request) -> Step | None:
    """The step that is under way: the first that is not finished."""
    finished = {StepState.DONE, StepState.REFUSED}
    return next((step for step in request.steps if step.state not in finished), None)


def counted_approvals(request: Request) -> str:
    """`0 of 1 approvals`, `1 of 2 approvals: @approver-1, 10:53 GMT+08:00`."""
    count = facts.count(request)
    return f"{count}: {facts.approvals(request)}" if request.approvals else count


def still_to_decide(request: Request) -> Sequence[str]:
    """Whom it waits for: the approvers in whose name nobody has approved it yet."""
    gave = {user for event in request.approvals for user in (event.by, event.behalf)}
    left = [each for each in request.approvers if each not in gave]
    return [f"for {facts.people(left)}"] if left else []


def approvers(request: Request) -> str:
    """Those who approved, by name."""
    broken = request.broken_glass
    if broken is not None:
        return f"{facts.decider(broken)}, who broke the glass"
    return text.joined([facts.decider(e) for e in request.approvals if e.by]) or facts.SETTINGS


def decided(request: Request) -> str:
    """Who asked and who approved, when."""
    return f"Asked by {text.mention(request.requested_by)} · {facts.how_approved(request)}"


def failed(request: Request) -> str:
    """The same of one that failed, and who left it as it is."""
    last = facts.last_event(request, Verb.LEFT, Verb.BY_HAND)
    if last is None or last.by is None:
        return decided(request)
    did = "left it" if last.verb is Verb.LEFT else "said that it is done by hand"
    who = f"{text.mention(last.by)} {did}, {facts.moment(last.at, request)}"
    return f"{decided(request)} · {who}"


def money_back(request: Request) -> str:
    """What the cloud gave back, how that compares with the estimate, and what may go again."""
    still = text.esc(facts.renews_still(request))
    return f"{_money_back(request)} {still}".rstrip()


def _money_back(request: Request) -> str:
    if not request.has_figures:
        return f"{facts.stake(request, first=True)}."
    back = facts.refunded(request)
    if back is None:
        known = any(item.refund_actual is not None for item in request.items)
        so_far = f"Refund at the cloud: {facts.refund_known(request)}."
        return so_far if known else "The refund is not known yet."
    difference = facts.against(back, facts.sums(request).refund)
    if not difference:
        return f"Refund at the cloud: {text.money(back)}."
    than = difference if difference == "as estimated" else f"{difference} than the estimate"
    return f"Refund at the cloud {text.money(back)}, {than}."


def estimated(request: Request) -> str:
    """What a dry run would have returned."""
    if is_switch(request):
        return "Nothing was changed at the cloud."
    if request.is_contract:
        return contracts.DECIDES
    total = facts.sums(request)
    return (
        f"The refund would have been {text.money(total.refund)}, the handling fee "
        f"{text.money(total.handling_fee)} (estimate)."
    )


def spoken(first: str, *sentences: str) -> str:
    """Top-level text from unescaped sentences, as many as fit."""
    return text.fallback(*(text.esc(each) for each in (first, *sentences)))


def plain(lines: Sequence[Line]) -> list[str]:
    """Lines of rich text as plain sentences."""
    return [
        "".join(part if isinstance(part, str) else _plain(part) for part in line) for line in lines
    ]


def _plain(part: Bold | Who | Where | Link) -> str:
    if isinstance(part, Link):
        return part.url
    if isinstance(part, Bold):
        return part.text
    return part.user if isinstance(part, Who) else part.channel


def lower(headline: str) -> str:
    """A headline as part of a sentence."""
    return f"{headline[0].lower()}{headline[1:]}"


def foreign(value: str) -> str:
    """A foreign word in mrkdwn: escaped, and without the marks that would format it."""
    return text.esc(value.translate(str.maketrans("", "", "`*~")))


def press(
    label: str, action_id: str, request: Request, *, style: str | None = None, says: str = ""
) -> ButtonElement:
    """A button about the request; it carries the number."""
    hears = says or f"{label.rstrip('…')} request"
    return button(
        label, action_id, str(request.number), style=style, says=f"{hears} {request.number}"
    )


def approve(request: Request) -> ButtonElement:
    """Approve, after a question that repeats what is at stake."""
    said = words(request)
    verb = said.end if len(request.items) > 1 else said.ends
    ends = f"{cut(facts.counted(request, first=True), 80)} of {request.account} {verb}"
    minutes = request.cooling_off_minutes
    start = (
        f"from {text.plural(minutes, 'minute')} after the last approval"
        if minutes
        else "right after the last approval"
    )
    return button(
        "Approve",
        ids.APPROVE,
        facts.reference(request),
        style="primary",
        says=f"Approve request {request.number}",
        confirm=confirm(
            f"Approve request {request.number}?",
            f"{ends}, {start}. {facts.stake(request, first=True)}. {_back(request)}",
            "Approve",
        ),
    )


def _back(request: Request) -> str:
    """Whether there is a way back once it has begun."""
    if request.dry_run:
        return DRY_RUN
    return contracts.BY_HAND if request.by_hand else words(request).back


def withdraw(request: Request) -> ButtonElement:
    """Withdraw, after a question."""
    return button(
        "Withdraw",
        ids.WITHDRAW,
        str(request.number),
        says=f"Withdraw request {request.number}",
        confirm=confirm(
            f"Withdraw request {request.number}?",
            "Nothing has been sent to the cloud and nothing will be. "
            "You can ask again at any time.",
            "Withdraw",
        ),
    )


def rules(request: Request) -> str:
    """What the figures follow, and who carries it out where that is a person."""
    by_hand = " · carried out by hand" if request.by_hand else ""
    which = "as the contract says" if request.is_contract else f"rule set {text.esc(request.rules)}"
    return f"{which}{by_hand}"


def working(request: Request) -> ButtonElement | None:
    """How the figures were worked out, where Lapse did."""
    if not request.has_figures:
        return None
    return press("Show the working…", ids.REQUEST_WORKING, request, says="Show working of request")


def looking(request: Request) -> tuple[ButtonElement, ...]:
    """Read the cloud at once, where an answer is missing."""
    if not request.is_open_at_the_cloud:
        return ()
    return (press("Look now", ids.LOOK_NOW, request, says="Look at the cloud now for request"),)


def renews_still(request: Request) -> tuple[Block, ...]:
    """That what was given back can be deducted again."""
    said = facts.renews_still(request)
    return (rich((Bold(said),)),) if said else ()


def turn_off(request: Request) -> ButtonElement | None:
    """Ends that, in a window of who may; a quota's packages stand beside it."""
    those = facts.renewing(request)
    if those is None:
        return None
    item = in_order(those)[0]
    return button(
        "Turn off auto-renewal",
        ids.AUTORENEW_FORM,
        str(item.key),
        says=f"Turn off auto-renewal of {item.label}",
    )


def held_up(request: Request) -> tuple[Block, ...]:
    """That it cannot go on now, and why."""
    return tuple(rich(line) for line in held_up_lines(request))


def held_up_lines(request: Request) -> list[Line]:
    """The same as a line of text."""
    event = facts.standing(request)
    if event is None:
        return []
    when = facts.moment(event.at, request)
    return [(Bold("Cannot go on yet"), f", {when}: {text.clip(event.note or '', 300)}")]


def held_up_spoken(request: Request) -> str:
    """The same as the end of top-level text."""
    return "".join(f" {text.esc(each)}" for each in plain(held_up_lines(request)))


def ask_again(request: Request) -> ButtonElement:
    """A new form for the same subscriptions."""
    return press("Ask again…", ids.ASK_AGAIN, request, says="Ask again, as in request")


def repairs(request: Request, open_items: int) -> tuple[ButtonElement, ...]:
    """What can be done about a failed request; where nothing is open it is only read back."""
    question = f"Retry {text.plural(open_items, 'open item')}?"
    does = (
        f"Lapse reads the cloud first and repeats only what is still {words(request).still}, "
        "within the approved figures."
    )
    if not open_items:
        question = f"Read request {request.number} back?"
        does = "Lapse reads the cloud once more and asks it for nothing."
    retry = button(
        "Retry",
        ids.RETRY,
        str(request.number),
        style=None if refusal_words.only_final(request) else "primary",
        says=f"Retry request {request.number}",
        confirm=confirm(question, does, "Retry"),
    )
    by_hand = press("Done by hand…", ids.BY_HAND, request, says="Done by hand, request")
    return (
        *(() if is_unapproved(request.problem) else (retry,)),
        *(() if request.dry_run or not open_items else (by_hand,)),
        press("Leave as is…", ids.LEAVE, request, says="Leave as is, request"),
    )
