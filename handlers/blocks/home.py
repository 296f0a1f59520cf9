"""App Home: trouble, what waits, the next deductions, one's requests, and how things run."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from slack_sdk.models.blocks import Block, SectionBlock
from slack_sdk.models.views import View

from bot.billing.renewal import AnchorKind
from bot.billing.unsubscription import Request, State
from bot.facts.homing import HomeFacts, Role, Setup, SetupStep
from bot.facts.listing import UpcomingDay
from handlers import ids, text
from handlers.blocks import checklist_lines, request_facts
from handlers.blocks.looking import Linked, trouble
from handlers.blocks.pieces import Bold, Line, actions, button, context, header, rich, section

SHOWN = 5
LABEL = 60
WELCOME = (
    "You own no subscription here. Lapse warns owners and channels before a cloud takes money "
    "for a renewal."
)

_STEPS: Mapping[SetupStep, Callable[[HomeFacts], str]] = {
    SetupStep.SLACK: lambda _: "Slack connected",
    SetupStep.APPROVALS_CHANNEL: lambda _: "approvals channel",
    SetupStep.CATALOGUE: lambda _: "import a catalogue, `lapse import FILE`",
    SetupStep.APPROVERS: lambda _: "name approvers",
    SetupStep.FIRST_REMINDER: lambda _: "first reminder",
}


def home(facts: HomeFacts, links: Mapping[int, str]) -> View:
    """The Home of one person; `links` lead to the requests' messages where they are known."""
    today = text.cloud_day(facts.now)
    blocks: list[Block] = [
        *(trouble(each) for each in facts.troubles[:SHOWN]),
        *_setup(facts),
        *_waiting(facts, links),
        *_next(facts, today=today),
        *_mine(facts, links),
        *_welcome(facts),
        *_without_owner(facts),
        *_savings(facts),
        context(_footer(facts)),
        *_buttons(facts),
    ]
    return View(type="home", blocks=blocks)


def unavailable(code: str) -> View:
    """A Home that could not be read still opens, and says so with the code of the attempt."""
    words = (
        f"Your Home could not be read just now. Open it again; if it stays, the code is `{code}`."
    )
    return View(type="home", blocks=[header("Lapse"), section(words)])


def closed(why: str) -> View:
    """The Home of somebody who may not look, with nothing but the reason."""
    return View(type="home", blocks=[header("Lapse"), section(text.esc(why))])


def _setup(facts: HomeFacts) -> Sequence[Block]:
    if not facts.setup:
        return []
    done = sum(step.done for step in facts.setup)
    lines = [_setup_line(facts, step, place) for place, step in enumerate(facts.setup)]
    again = button("Check again", ids.CHECK_AGAIN, "setup", says="Check the setup again")
    return [
        header(f"Set up: {done} of {len(facts.setup)} done"),
        section("\n".join(lines)),
        *actions(again),
    ]


def _setup_line(facts: HomeFacts, step: Setup, place: int) -> str:
    words = _STEPS[step.step](facts)
    if step.step is SetupStep.APPROVALS_CHANNEL:
        words = f"{words} {text.channel(facts.approvals_channel)}"
    first_open = next((n for n, each in enumerate(facts.setup) if not each.done), -1)
    state = "Done" if step.done else ("Next" if place == first_open else "Then")
    return f"{state}: {words}"


def _waiting(facts: HomeFacts, links: Mapping[int, str]) -> Sequence[Block]:
    if not facts.waiting:
        return []
    count = facts.waiting_count
    title = "1 request waits for you" if count == 1 else f"{count:,} requests wait for you"
    rows = [_waiting_row(request, links) for request in facts.waiting[:SHOWN]]
    return [header(title), *rows, *_all(count, ids.MY_REQUESTS, "requests")]


def _waiting_row(request: Request, links: Mapping[int, str]) -> SectionBlock:
    stake, what = request_facts.floor(request), f"Decide by {text.instant(request.deadline)}"
    if request.state is not State.WAITING:
        stake, what = text.esc(request_facts.what(request)), checklist_lines.awaited(request)
    words = f"*{request.number}* · {text.mention(request.requested_by)} · {stake}\n{what}"
    return _linked(words, Linked(request=request, link=links.get(request.number)), "Open request")


def _next(facts: HomeFacts, *, today: date) -> Sequence[Block]:
    day = facts.next_day
    if day is None:
        return []
    count = text.plural(len(day.rows), "of your subscriptions", "of your subscriptions")
    working = text.short_day(day.last_working_day, today=today)
    first = day.rows[0].subscription
    show = button("Show", ids.SHOW, str(first.key), says=f"Show {first.label}")
    return [
        header(f"Next: {_day_title(day)}"),
        section(f"{count}, last working day {working}", accessory=show),
        rich(*_rows(day)),
        *_all(len(day.rows), ids.LIST, "subscriptions", value="1 owner:@me"),
    ]


def _day_title(day: UpcomingDay) -> str:
    when = text.day(day.anchor.date)
    if day.anchor.kind is AnchorKind.NOTICE:
        return f"notice to give by {when}"
    if day.anchor.kind is AnchorKind.EXPIRY:
        verb = "expires" if len(day.rows) == 1 else "expire"
        return f"{text.plural(len(day.rows), 'subscription')} {verb} on {when}"
    amounts = " and ".join(text.money(each) for each in day.sums) or text.NOT_KNOWN
    return f"{amounts} on {when}"


def _rows(day: UpcomingDay) -> Sequence[Line]:
    return [
        (
            Bold(text.clip(row.subscription.label, LABEL)),
            f" · {row.subscription.key.account} · {text.money(row.amount)}",
        )
        for row in day.rows[:SHOWN]
    ]


def _mine(facts: HomeFacts, links: Mapping[int, str]) -> Sequence[Block]:
    if not facts.my_requests:
        return []
    rows = [
        _linked(
            f"*{request.number}* · {request.state.value} · {text.esc(request_facts.what(request))}",
            Linked(request=request, link=links.get(request.number)),
            "Open",
        )
        for request in facts.my_requests[:SHOWN]
    ]
    return [header("Your requests"), *rows]


def _linked(words: str, linked: Linked, label: str) -> SectionBlock:
    number = linked.request.number
    opens = button(label, ids.OPEN_REQUEST, str(number), says=f"Open request {number}")
    if linked.link:
        opens = button(label, ids.OPEN_LINK, "", says=f"Open request {number}", url=linked.link)
    return section(words, accessory=opens)


def _without_owner(facts: HomeFacts) -> Sequence[Block]:
    if not facts.without_owner:
        return []
    first, others = facts.without_owner[0], facts.without_owner_count - 1
    words = text.esc(text.clip(first.label, LABEL)) + (f" and {others:,} more" if others else "")
    show = button("Show", ids.SHOW, str(first.key), says=f"Show {first.label}")
    return [header("Without an owner"), section(words, accessory=show)]


def _savings(facts: HomeFacts) -> Sequence[Block]:
    """The way to them: to add up everything takes longer than a Home may."""
    if not facts.sees_savings:
        return []
    opens = button("Show savings", ids.SAVINGS, "by:month", says="Show savings by month")
    return [section("*Savings*\nDecided, executed, verified, by month", accessory=opens)]


def _welcome(facts: HomeFacts) -> Sequence[Block]:
    has_content = facts.waiting or facts.next_day or facts.my_requests or facts.setup
    if has_content or facts.role not in {Role.NOBODY, Role.APPROVER, Role.INSTALLER, Role.OWNER}:
        return []
    return [header("Welcome to Lapse"), section(WELCOME)]


def _footer(facts: HomeFacts) -> str:
    health = facts.health
    parts = [f"Hours are {facts.schedule_zone.key}"]
    zone = facts.schedule_zone
    if health.read_at is not None:
        parts.append(f"catalogue read {health.read_at.astimezone(zone):%H:%M}")
    if health.armed_at is not None:
        parts.append(f"scheduler ran {health.armed_at.astimezone(zone):%H:%M}")
    if health.next_reminder_at is not None:
        local = health.next_reminder_at.astimezone(zone)
        parts.append(f"next reminder {text.short_day(local.date())}, {local:%H:%M}")
    if facts.role is Role.NOBODY and facts.operators:
        asked = text.joined([text.mention(user) for user in facts.operators[:3]], last="or")
        parts.append(f"Something missing? Ask {asked}.")
    return " · ".join(parts)


def _buttons(facts: HomeFacts) -> Sequence[Block]:
    listing = button("List subscriptions", ids.LIST, "1 ", says="List subscriptions")
    ahead = button("Upcoming deductions", ids.UPCOMING, "30", says="Show upcoming deductions")
    help_ = button("Help", ids.HELP, "help", says="What Lapse can do")
    if facts.role is Role.NOBODY:
        return actions(listing, ahead, help_)
    ask = button("Unsubscribe…", ids.UNSUBSCRIBE, "", says="Ask to unsubscribe")
    return actions(listing, ask, ahead, help_)


def _all(count: int, action_id: str, what: str, *, value: str = "all") -> Sequence[Block]:
    if count <= SHOWN:
        return []
    return actions(button("Show all", action_id, value, says=f"Show all {count:,} {what}"))
