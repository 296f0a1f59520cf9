"""What every message about a request says in the same words: subject, sums, times, people."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.billing.by_hand import turn
from bot.billing.change import Charge
from bot.billing.money import Money
from bot.billing.renewal import CLOUD_ZONE, AnchorKind
from bot.billing.standstill import is_told
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import Event, Item, ItemState, Request, State, Verb
from bot.billing.worst import Worst
from bot.facts.messages import Fresh
from bot.facts.receipt import in_order
from handlers import text
from handlers.blocks import change_words
from handlers.blocks.pieces import DRY_RUN, Content, Line, Who, context, cut
from handlers.blocks.stale_words import FIGURES_WORSE, because

SHOWN_ITEMS = 10
SHOWN_PEOPLE = 8
SAID = 500
"""Characters of what somebody said, where there is room for it."""
VOID = "earlier approvals do not count"
_APPROVING = frozenset({Verb.APPROVED, Verb.BROKE_GLASS})
SETTINGS = "the settings"
"""Who approved what nobody had to."""


class Unsettled(NamedTuple):
    """Why a request expired: `short` before the deadline, as `line`, and whole with the deadline.

    The sentence mentions people, the others name nobody.
    """

    short: str
    line: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The items of a request added up, as they were quoted when it was asked for."""

    paid: Money
    refund: Money
    handling_fee: Money


def reference(request: Request) -> str:
    """A request, and what is shown of it: its acknowledgement or, of a checklist, its turn.

    What people decide or say is about just that.
    """
    return f"{request.number}#{turn(request) or request.acknowledged_as}"


def sums(request: Request) -> Sums:
    """Add up what the items were quoted at; items without figures count as nothing."""
    zero = Money.zero(request.acknowledgement.worst.refund.currency)
    totals = [item.quote.total for item in request.items if item.quote.total]
    return Sums(
        paid=sum((t.paid for t in totals), zero),
        refund=sum((t.refund for t in totals), zero),
        handling_fee=sum((t.handling_fee for t in totals), zero),
    )


def refunded(request: Request) -> Money | None:
    """What the cloud gave back for all items that are gone; None while one is not known."""
    zero = Money.zero(request.acknowledgement.worst.refund.currency)
    gone = [item for item in request.items if item.state is ItemState.GONE]
    known = [item.refund_actual for item in gone if item.refund_actual is not None]
    return sum(known, zero) if known and len(known) == len(gone) else None


def refund_known(request: Request) -> str:
    """The refund as far as it is known: `USD 61.20, 1 not known`."""
    return _as_known([item.refund_actual for item in request.items if _is_gone(item)])


def fee_known(request: Request) -> str:
    """The handling fee, the same."""
    return _as_known([item.fee_actual for item in request.items if _is_gone(item)])


def _is_gone(item: Item) -> bool:
    return item.state is ItemState.GONE


def _as_known(amounts: Sequence[Money | None]) -> str:
    known = [each for each in amounts if each is not None]
    if not known:
        return text.money(None)
    return but_unknown(text.money(sum(known[1:], known[0])), len(amounts) - len(known))


def but_unknown(said: str, unknown: int) -> str:
    """A sum, and of how many more the figure is not known."""
    return f"{said}, {unknown} not known" if unknown else said


def renewing(request: Request) -> Request | None:
    """The part of one whose renewal period is gone that may be deducted again; None without any."""
    if request.state is not State.DONE or request.ends_items or change_words.is_switch(request):
        return None
    those = tuple(each for each in request.items if each.auto_renew_off is False)
    return replace(request, items=those) if those else None


def renews_still(request: Request) -> str:
    """`Auto-renewal is still on: USD 1,080.00 can be deducted again.`; else nothing."""
    those = renewing(request)
    if those is None:
        return ""
    some = len(those.items) < len(request.items)
    which = f" of {text.joined([short(each.label) for each in those.items])}" if some else ""
    amount = text.money(sums(those).paid)
    return f"Auto-renewal{which} is still on: {amount} can be deducted again."


def against(actual: Money, estimate: Money) -> str:
    """How an actual figure compares with its estimate: `USD 0.24 less`, or *as estimated*.

    Nothing where the figures are hidden: more or less would tell of them.
    """
    return worded(actual.rounded() - estimate.rounded())


def worded(difference: Money) -> str:
    """The same of a difference that is known: an actual figure less its estimate."""
    if difference.is_hidden:
        return ""
    if not difference:
        return "as estimated"
    more = difference.amount > Decimal(0)
    return f"{text.money(difference if more else -difference)} {'more' if more else 'less'}"


def short(label: str) -> str:
    """A name without its size: `SecMaster Professional` of `SecMaster Professional, 50 ECS`."""
    return label.split(",", maxsplit=1)[0]


def subject(request: Request, *, full: bool = False) -> str:
    """The first item and what goes along: `SecMaster Professional and 2 packages`."""
    first, *others = in_order(request)
    name = first.label if full else cut(short(first.label), 40)
    if not others:
        return f"{change_words.of(request)}{name}"
    later = {key for step in request.steps if step.after for key in step.subscriptions}
    kind = "package" if all(item.key in later for item in others) else "other"
    return f"{change_words.of(request)}{name} and {text.plural(len(others), kind)}"


def under_way(request: Request) -> str:
    """The subject while it runs: after a Retry only what was open then."""
    retried = last_event(request, Verb.RETRIED)
    if retried is None:
        return subject(request)
    left = [item for item in request.items if not item.gone_at or item.gone_at > retried.at]
    return subject(replace(request, items=tuple(left)) if left else request)


def verb(request: Request, *, one: str, several: str) -> str:
    """The verb that fits the number of items; auto-renewal is one thing, whatever it is of."""
    single = len(request.items) == 1 or change_words.is_switch(request)
    return one if single else several


def region(request: Request) -> str:
    """The region that all items share, or nothing."""
    regions = {item.region for item in request.items}
    return next(iter(regions)) or "" if len(regions) == 1 else ""


def what(request: Request) -> str:
    """The subject where no verb stands beside it: `turn on auto-renewal of SecMaster Standard`."""
    verb = f"{change_words.words(request).do} " if change_words.is_switch(request) else ""
    return f"{verb}{subject(request)}"


def counted(request: Request, *, first: bool = False) -> str:
    """`3 subscriptions`, or the name of the only one; a renewal period may begin a sentence."""
    only = len(request.items) == 1
    what = request.items[0].label if only else text.plural(len(request.items), "subscription")
    return f"{change_words.of(request, first=first)}{what}"


def last_event(request: Request, *verbs: Verb) -> Event | None:
    """The newest event of one of the kinds."""
    return next((e for e in reversed(request.events) if e.verb in verbs), None)


def moment(at: datetime, request: Request) -> str:
    """An hour with its zone; with its date too, when that is not the day of the request."""
    return text.hour(at) if _same_day(at, request.requested_at) else text.short_instant(at)


def moment_in(at: datetime, request: Request, zone: ZoneInfo | None) -> str:
    """The same, then in the reader's zone where the hour is another one there."""
    said = moment(at, request)
    if zone is None or text.same_hour(at, zone):
        return said
    local = at.astimezone(zone)
    near = local.date() == text.cloud_day(at) and said == text.hour(at)
    day = "" if near else f"{text.short_day(local.date())} "
    return f"{said}, {day}{local:%H:%M} {zone.key}"


def clock(at: datetime, request: Request) -> str:
    """An hour whose zone stands earlier in the same block."""
    local = at.astimezone(CLOUD_ZONE)
    hour = f"{local:%H:%M}"
    return (
        hour if _same_day(at, request.requested_at) else f"{text.short_day(local.date())}, {hour}"
    )


def people(users: Sequence[SlackUser]) -> str:
    """Mentions in one line; beyond eight they are counted."""
    shown = ", ".join(text.mention(user) for user in users[:SHOWN_PEOPLE])
    rest = len(users) - SHOWN_PEOPLE
    return f"{shown} and {rest} more" if rest > 0 else shown


def decider(event: Event) -> str:
    """Who did it, in mrkdwn: `@delegate for @approver-1` where it was done for somebody else."""
    behalf = f" for {text.mention(event.behalf)}" if event.behalf else ""
    return f"{text.mention(event.by or '')}{behalf}"


def decided_by(event: Event) -> Line:
    """The same as parts of a line."""
    behalf: Line = (" for ", Who(event.behalf)) if event.behalf else ()
    return (Who(event.by or ""), *behalf)


def approvals(request: Request) -> str:
    """Who approved and when: `@approver-1, 10:53 GMT+08:00`; the zone stands once."""
    words = []
    for number, event in enumerate(request.approvals):
        when = moment(event.at, request) if number == 0 else clock(event.at, request)
        words.append(f"{decider(event)}, {when}" if event.by else when)
    return "; ".join(words)


def no_later(request: Request) -> str:
    """Why it starts before it has cooled off for as long as the settings say now; or nothing."""
    if not request.starts_at_last:
        return ""
    until = text.instant(request.good_until)
    return f" It cools off no longer, as the acknowledged figures hold until {until}."


def voided(request: Request, acknowledged_as: int) -> bool:
    """Whether the acknowledgement of that number voided an approval that counted before it."""
    given = (e for e in request.events if e.number < acknowledged_as and e.verb in _APPROVING)
    earlier = [e.number for e in request.events if e.verb is Verb.ACKNOWLEDGED]
    since = max((number for number in earlier if number < acknowledged_as), default=0)
    return any(event.by is not None and event.number > since for event in given)


def why_stale(request: Request) -> str:
    """What the headline of a stale request says of why."""
    return because(request.problem, account=request.account)


def why_expired(request: Request) -> str | None:
    """Why it expired where somebody had decided in time."""
    event = last_event(request, Verb.EXPIRED)
    return event.note if event else None


def standing(request: Request) -> Event | None:
    """That it cannot go on, until it went on, by an event or by what the cloud took."""
    return last_event(request, Verb.HELD_UP) if is_told(request) else None


def why_held_up(request: Request) -> str:
    """What the headline says of why it cannot go on; nothing while it is to go on.

    Where it is not the cloud of its account the whole sentence stands below, as it always does.
    """
    event = standing(request)
    if event is None:
        return ""
    why = (event.note or "").partition(": ")[0]
    about_the_cloud = why.startswith(f"The cloud of {request.account} ")
    return f"t{why[1:]}" if about_the_cloud else "it cannot start yet"


def unsettled(request: Request) -> Unsettled:
    """Why a request expired: nobody decided, too few did, or it was stale."""
    turned = last_event(request, Verb.ASKED, Verb.STALE, Verb.ACKNOWLEDGED)
    by, had = text.instant(request.deadline), count(request)
    if turned is None or turned.verb is not Verb.STALE:
        nobody = "nobody decided"
        if not request.approvals:
            return Unsettled(f"{nobody} by", nobody, f"{nobody} by {by}")
        return Unsettled(f"{had} by", f"it had {had}", f"it had {had} by {by}")
    why = because(turned.note, account=request.account)
    if turned.at > request.deadline:
        late = "it was approved, but went stale after its deadline"
        said = f"it was approved, but {why} after its deadline, {by}"
        return Unsettled("went stale after", late, said)
    who = text.mention(request.requested_by)
    said = f"{why}, and {who} did not acknowledge it again by {by}"
    return Unsettled("nobody acknowledged by", "it was not acknowledged again", said)


def means(request: Request) -> str:
    """What was acknowledged, in lines: the worst figures, or what a switch deducts."""
    if change_words.is_switch(request):
        return charged(request, change_words.charges(request))
    return worst_lines(request.acknowledgement.worst)


def worst_lines(worst: Worst) -> str:
    """The worst figures until a deadline, one a line."""
    return (
        f"Refund at least {text.money(worst.refund)}\n"
        f"Fee at most {text.money(worst.handling_fee)}\n"
        f"Coupons lost {text.money(worst.coupons_lost)}"
    )


def why_now(request: Request, fresh: Fresh | None) -> str:
    """Why it is stale, as a sentence, with the figures that stand beside it where they are known.

    What was noted when it went stale was worked out until another deadline.
    """
    noted = text.sentence(request.problem or "The figures changed since it was sent")
    if fresh is None or why_stale(request) != FIGURES_WORSE:
        return noted
    worse = got_worse(request, fresh, who="")
    return fresh.cause or (text.sentence(_begun(worse, first=True)) if worse else noted)


def got_worse(request: Request, fresh: Fresh, *, who: str = "you ") -> str:
    """Each figure that is worse than the requester acknowledged, beside that; nothing if none.

    Hidden ones do not compare.
    """
    was, now = request.acknowledgement.worst, fresh.worst
    if now is None or now.refund.is_hidden or now.refund.currency != was.refund.currency:
        return ""
    pairs = (
        ("refund at least", now.refund, was.refund, now.refund < was.refund),
        ("fee at most", now.handling_fee, was.handling_fee, now.handling_fee > was.handling_fee),
        ("coupons lost", now.coupons_lost, was.coupons_lost, now.coupons_lost > was.coupons_lost),
    )
    return "; ".join(
        f"{name} {text.money(new)}, {who}acknowledged {text.money(old)}"
        for name, new, old, worse in pairs
        if worse
    )


def charged(request: Request, those: Sequence[Charge]) -> str:
    """What a switch deducts, or that it is not deducted."""
    return _begun(change_words.charged(request.change, those), first=True)


def read_when(read_at: datetime | None, *, at: datetime) -> str:
    """When the cloud was read for what stands there, and when that was worked out of it.

    Lapse works with what it read last, which may be a while ago.
    """
    if read_at is None:
        return f"Worked out {text.short_instant(at)}"
    read = f"Read {text.short_instant(read_at)}"
    if text.short_instant(read_at) == text.short_instant(at):
        return read
    then = text.hour(at) if _same_day(read_at, at) else text.short_instant(at)
    return f"{read}, worked out {then}"


def now_means(request: Request, fresh: Fresh) -> str:
    """What it means now, as a sentence."""
    if fresh.worst is None:
        return f"Now: {change_words.charged(request.change, fresh.charges)}."
    worst = fresh.worst
    return (
        f"Now: refund {text.money(fresh.refund)}, at least {text.money(worst.refund)}, handling "
        f"fee at most {text.money(worst.handling_fee)}, coupons lost "
        f"{text.money(worst.coupons_lost)} (estimate)."
    )


def how_approved(request: Request) -> str:
    """How it came to be approved: by whom, when, or that somebody broke the glass."""
    broken = request.broken_glass
    if broken is None:
        return f"approved by {approvals(request) or SETTINGS}"
    return f"{decider(broken)} broke the glass, {moment(broken.at, request)}, with {count(request)}"


def count(request: Request) -> str:
    """`1 of 2 approvals`."""
    return f"{len(request.approvals)} of {request.required_approvals} approvals"


def kept(request: Request, *, hour: bool = False) -> str:
    """What happens if it is kept: `USD 5,700.00 on Mon 3 May 2027`; nothing when not known."""
    facts = request.if_kept
    if not facts.get("date"):
        return ""
    at = facts.get("at")
    when = (
        text.instant(datetime.fromisoformat(at))
        if hour and at
        else text.day(datetime.fromisoformat(facts["date"]).date())
    )
    if facts.get("kind") == AnchorKind.NOTICE:
        return f"renews unless notice is given by {when}"
    if facts.get("kind") != AnchorKind.DEDUCTION:
        return f"ends on {when}"
    amount = facts.get("amount")
    money = Money(Decimal(amount), facts["currency"]) if amount else None
    return f"{text.money(money)} on {when}"


def stake(request: Request, *, first: bool = False) -> str:
    """What was acknowledged in one phrase, labelled as an estimate; it may begin a sentence."""
    return _begun(change_words.words(request).stake(request), first=first)


def least(request: Request, *, first: bool = False) -> str:
    """The same where only the first figure has room."""
    return _begun(f"{floor(request)}{' (estimate)' * request.has_figures}", first=first)


def floor(request: Request, *, first: bool = False) -> str:
    """The same where the list itself says that figures are estimates."""
    if not request.has_figures:
        return stake(request, first=first)
    figure = text.money(request.acknowledgement.worst.refund)
    return _begun(f"refund at least {figure}", first=first)


def _begun(said: str, *, first: bool) -> str:
    return f"{said[0].upper()}{said[1:]}" if first else said


def keeps_costing(request: Request) -> bool:
    """Whether what SecMaster's data collection needs may outlive it (R11)."""
    return any(notice.rule == "R11" for item in request.items for notice in item.quote.warnings)


def dry(rendered: Content, request: Request) -> Content:
    """Begin the spoken text with what it is, when nothing is really done."""
    if not request.dry_run:
        return rendered
    return Content(f"Dry run: {rendered.text}", rendered.blocks)


def marked(content: Content, request: Request) -> Content:
    """The same of what is dry, which says so at its end, too."""
    if not request.dry_run:
        return content
    return Content(f"Dry run: {content.text}", [*content.blocks, context(DRY_RUN)], content.title)


def _same_day(at: datetime, other: datetime) -> bool:
    return text.cloud_day(at) == text.cloud_day(other)
