"""Help, one's requests, the state of health, and what is not there yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slack_sdk.models.blocks import Block, SectionBlock

from bot.billing import by_hand
from bot.billing.account import Account
from bot.billing.reminder import Schedule
from bot.billing.subscription import AccountName
from bot.billing.unsubscription import Request, State
from bot.facts.status import AccountHealth, StatusFacts, Trouble, TroubleKind
from handlers import ids, text
from handlers.blocks import checklist_lines, request_facts
from handlers.blocks.pieces import (
    Bold,
    Content,
    Line,
    actions,
    button,
    context,
    header,
    rich,
    section,
)

SHOWN = 5
DEFAULT_ACCOUNT = AccountName("default")
EMBEDDED = "ledger"
"""The provider that is read whenever its book changes, and only then."""
SPOKEN = (
    "Lapse lists prepaid subscriptions, warns before a deduction and unsubscribes after a second "
    "person approved. Commands: list, show, upcoming, unsubscribe, autorenew, requests, savings, "
    "delegate, remind, reminders, status, help."
)
PROMISE = (
    "Clouds take the money for a renewal days before the term ends. Lapse warns in time, and "
    "unsubscribes only after a colleague approved."
)
LINES = (
    ("/lapse list", "all subscriptions, nearest deduction first"),
    ("/lapse show ID", "one, with the ways out compared"),
    ("/lapse upcoming 30", "deductions by day"),
    ("/lapse unsubscribe", "ask to leave"),
    ("/lapse autorenew off ID", ""),
    ("/lapse autorenew on ID", "by request"),
    ("/lapse requests", "mine, and those waiting for me"),
    ("/lapse savings", "decided, executed, verified"),
    ("/lapse delegate", "who decides for whom"),
    ("/lapse reminders", "what is armed and was sent here, and why"),
    ("/lapse status", "whether all is well"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where help is asked for: where requests go, and which reminders come here, if any do."""

    approvals_channel: str
    reminders_channel: str
    schedule: Schedule
    here: bool


def help_(around: Around, *, unknown: str = "", nearest: str | None = None) -> Content:
    """What Lapse can do; after an unknown word that is said first, with the nearest command."""
    sentence = _unknown(unknown, nearest) if unknown else ""
    blocks: list[Block] = [
        *([section(sentence)] if sentence else []),
        header("Lapse"),
        section(PROMISE),
        rich(*(_command(words, what) for words, what in LINES)),
        *actions(
            button("List subscriptions", ids.LIST, "1 ", says="List subscriptions"),
            button("Upcoming deductions", ids.UPCOMING, "30", says="Show upcoming deductions"),
            button("Unsubscribe…", ids.UNSUBSCRIBE, "", says="Ask to unsubscribe"),
            button("My requests", ids.MY_REQUESTS, "mine", says="Show my requests"),
        ),
        context(_footer(around)),
    ]
    return Content(f"{sentence} {SPOKEN}".strip(), blocks)


def not_yet(what: str, *, instead: str) -> Content:
    """One sentence for a command that is not there yet."""
    words = f"{what} is not there yet; {instead}."
    return Content(words, [section(words)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A request with the address of its message, where one is known."""

    request: Request
    link: str | None


def requests(waiting: Sequence[Linked], mine: Sequence[Linked]) -> Content:
    """Those that wait for the person, then the person's own, five each."""
    if not waiting and not mine:
        words = "No request waits for you, and you have asked for none."
        ask = button("Unsubscribe…", ids.UNSUBSCRIBE, "", says="Ask to unsubscribe")
        return Content(words, [section(words), *actions(ask)], "Requests")
    blocks: list[Block] = []
    spoken: list[str] = []
    for title, those in (("Waiting for you", waiting), ("Yours", mine)):
        if those:
            blocks += [header(title), *(request_row(each) for each in those[:SHOWN])]
            spoken += [title, *(_request_words(each.request) for each in those[:SHOWN])]
    return Content(text.fallback(*spoken, limit=3000), blocks, "Requests")


def request(linked: Linked) -> Content:
    """One request and the way to its message."""
    spoken = f"Request {_request_words(linked.request)}."
    return Content(spoken, [request_row(linked)], "Request")


def request_row(linked: Linked, *, label: str = "Open request") -> SectionBlock:
    """A request in two lines, with the way to its message, where everything is decided."""
    request = linked.request
    says = f"Open request {request.number}"
    opens = button(label, ids.OPEN_LINK, "", says=says, url=linked.link) if linked.link else None
    first = f"*{request.number}* · {request.state.value} · {text.esc(request_facts.what(request))}"
    return section(f"{first}\n{_figures(request)}", accessory=opens)


def _figures(request: Request) -> str:
    if request.state is State.WAITING:
        floor = request_facts.floor(request, first=True)
        return f"{floor} · decide by {text.instant(request.deadline)}"
    if by_hand.waits_for(request):
        return checklist_lines.awaited(request)
    last = request.events[-1].at if request.events else request.requested_at
    return f"Asked by {text.mention(request.requested_by)} · last change {text.instant(last)}"


def _request_words(request: Request) -> str:
    words = f"{request.number}, {request.state.value}, {text.esc(request_facts.what(request))}"
    if request.state is State.WAITING:
        words += f", {request_facts.floor(request)}, decide by {text.instant(request.deadline)}"
    elif by_hand.waits_for(request):
        words += f", {checklist_lines.awaited(request)}"
    return words


def status(facts: StatusFacts) -> Content:
    """How reading, reminding and delivering are doing."""
    well = "All is well" if not facts.troubles else _counted_troubles(facts)
    lines: list[Line] = [
        *(_account(each) for each in _used(facts.accounts)),
        (Bold("Reminders"), f" · {facts.armed:,} armed, {_next_reminder(facts)}"),
        (Bold("Messages"), f" · {_deliveries(facts)}"),
        (Bold("Requests"), f" · {facts.waiting_requests:,} waiting for a decision"),
    ]
    blocks: list[Block] = [
        header(f"Status: {well[0].lower()}{well[1:]}"),
        *(trouble(each) for each in facts.troubles[:SHOWN]),
        rich(*lines),
        context(_ticks(facts)),
    ]
    spoken = text.fallback(
        f"Status: {well[0].lower()}{well[1:]}",
        *(text.places(trouble_words(each)) for each in facts.troubles[:SHOWN]),
        *(text.esc("".join(_plain(line))).replace(" · ", ": ") for line in lines),
        limit=3000,
    )
    return Content(spoken, blocks, "Status")


def trouble(each: Trouble) -> SectionBlock:
    """One thing that is wrong, in bold, and what goes on all the same."""
    return section(f"*{text.places(trouble_words(each))}*\n{_TROUBLE_HELP[each.kind]}")


def trouble_words(each: Trouble) -> str:
    """One thing that is wrong, as one plain sentence."""
    return _TROUBLES[each.kind](each)


def _since(each: Trouble) -> str:
    return f" since {text.instant(each.since)}" if each.since else " yet"


_TROUBLES: Mapping[TroubleKind, Callable[[Trouble], str]] = {
    TroubleKind.NOT_READ: lambda t: f"Account {t.subject} has not been read{_since(t)}.",
    TroubleKind.HELD_UP: lambda t: f"{t.subject}{_since(t)}.",
    TroubleKind.UNDELIVERABLE: lambda t: f"Nothing can be posted to {t.subject}{_since(t)}.",
    TroubleKind.UNKNOWN: lambda t: (
        f"It is not known whether {text.plural(t.count, 'message')} arrived."
    ),
    TroubleKind.NOT_TICKING: lambda t: f"Nothing has been sent or executed{_since(t)}.",
    TroubleKind.CLOCKS_APART: lambda t: f"The clocks of {t.subject} are {t.count:,} s apart.",
    TroubleKind.LOCKED_OUT: lambda t: f"Slack has not accepted the token{_since(t)}.",
    TroubleKind.TWICE: lambda t: (
        f"{text.plural(t.count, 'message is', 'messages are')} in {t.subject} twice "
        "and could not be taken back."
    ),
    TroubleKind.UNREAD: lambda t: (
        f"{text.plural(t.count, 'message', 'messages')} may be in {t.subject} twice, "
        "where Lapse cannot look."
    ),
}

_TROUBLE_HELP: Mapping[TroubleKind, str] = {
    TroubleKind.NOT_READ: (
        "Figures below may be old; reminders go on from the last reading. Operators know."
    ),
    TroubleKind.HELD_UP: "Lapse goes on trying, and says so in the request. Operators know.",
    TroubleKind.UNDELIVERABLE: "Invite Lapse there again or choose another channel.",
    TroubleKind.UNKNOWN: "Lapse looks before it repeats anything.",
    TroubleKind.NOT_TICKING: "An operator looks at `lapse doctor`.",
    TroubleKind.CLOCKS_APART: (
        "What is due goes by the database's clock. Let the machines keep time with NTP."
    ),
    TroubleKind.TWICE: "An admin of the workspace can delete the later one by hand.",
    TroubleKind.UNREAD: "Let Lapse read the conversation's history again.",
    TroubleKind.LOCKED_OUT: "Messages wait. Install Lapse again, then run `lapse doctor`.",
}


def _counted_troubles(facts: StatusFacts) -> str:
    return text.plural(len(facts.troubles), "thing needs a look", "things need a look")


def _used(accounts: Sequence[AccountHealth]) -> Sequence[AccountHealth]:
    """Without the account that exists by itself, where others do the work and it holds nothing."""
    untouched = Account(name=DEFAULT_ACCOUNT)
    used = [each for each in accounts if each.count or each.account != untouched]
    return used or accounts


def _account(each: AccountHealth) -> Line:
    count = text.plural(each.count, "subscription")
    said = f"more than {count}" if each.more else count
    verb = "last change" if each.account.provider == EMBEDDED else "read"
    read = f"{verb} {text.instant(each.read_at)}" if each.read_at else "not read yet"
    name = each.account.name
    dry = ", dry run" if each.account.execute == "dry-run" else ""
    return (Bold(f"Account {name}"), f" · {said}, {read}{dry}")


def _next_reminder(facts: StatusFacts) -> str:
    at = facts.health.next_reminder_at
    return f"next {text.instant(at)}" if at else "none due"


def _deliveries(facts: StatusFacts) -> str:
    return (
        f"{facts.sent:,} sent, {facts.pending:,} on their way, {facts.unknown:,} not known, "
        f"{facts.undeliverable:,} undeliverable"
    )


def _ticks(facts: StatusFacts) -> str:
    ran = facts.health.armed_at
    last = f"Scheduler ran {text.hour(ran)}" if ran else "Scheduler has not run yet"
    return f"{last} · asked {text.instant(facts.now)}"


def _plain(line: Line) -> Sequence[str]:
    return [part if isinstance(part, str) else getattr(part, "text", "") for part in line]


def _unknown(word: str, nearest: str | None) -> str:
    words = f"{text.code(text.clip(word, 40))} is not a command of Lapse."
    return f"{words} Did you mean `/lapse {nearest}`?" if nearest else words


def _command(words: str, what: str) -> Line:
    return (f"• {words} · {what}" if what else f"• {words}",)


def _footer(around: Around) -> str:
    leads = ", ".join(str(days) for days in around.schedule.lead_days)
    when = f"{leads} days before, {around.schedule.at:%H:%M} {around.schedule.zone.key}"
    where = "here" if around.here else f"in {text.channel(around.reminders_channel)}"
    goes = f"Requests go to {text.channel(around.approvals_channel)}."
    return f"Only you see this. {goes} Reminders {where}: {when}."
