"""What every reminder says in the same words: what comes, how much, when, and what became of it."""

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import SubscriptionKey
from bot.facts.messages import Meant, ReminderItem, ReminderMessage, ReminderRest, Settled
from handlers import text

NO_OWNER = "no owner"


def amount(item: ReminderItem) -> str:
    """The amount, or that it is not known, with a capital letter."""
    words = text.money(item.amount)
    return f"{words[0].upper()}{words[1:]}"


def when(anchor: Anchor) -> str:
    """The anchor with its hour and zone; a notice is a date in the reader's own zone."""
    return text.instant(anchor.at) if anchor.at else text.day(anchor.date)


def headline(item: ReminderItem) -> str:
    """`USD 1,080.00 will be deducted on Mon 23 Nov 2026`: object, verb, amount, date."""
    return _HEADLINES[item.reminder.anchor.kind](item)


def headline_short(item: ReminderItem) -> str:
    """What comes, with its date: `USD 1,080.00 on Mon 23 Nov 2026`, `expires Mon 30 Nov 2026`."""
    anchor = item.reminder.anchor
    day = text.day(anchor.date)
    verbs = {AnchorKind.EXPIRY: f"expires {day}", AnchorKind.NOTICE: f"notice by {day}"}
    return verbs.get(anchor.kind, f"{text.money(item.amount)} on {day}")


def comes(item: ReminderItem, zone: ZoneInfo) -> str:
    """The first sentence of the spoken text, escaped."""
    anchor, label = item.reminder.anchor, text.esc(item.subscription.label)
    at = text.spoken_with_zone(anchor.at, zone) if anchor.at else text.day(anchor.date)
    if anchor.kind is AnchorKind.DEDUCTION:
        return f"{label}: {text.money(item.amount)} will be deducted on {at}"
    if anchor.kind is AnchorKind.EXPIRY:
        return f"{label}: expires on {at}, nothing will be deducted"
    return f"{label}: notice is to be given by {at}, {text.money(item.amount)} for the next term"


def working_day(item: ReminderItem) -> str:
    """The last working day before, with its year; empty when not known."""
    return text.day(item.last_working_day) if item.last_working_day else ""


def short_working_day(message: ReminderMessage, item: ReminderItem) -> str:
    """The last working day before, without its year when that is near; empty when not known."""
    day = item.last_working_day
    return text.short_day(day, today=text.cloud_day(message.sent_at)) if day else ""


def last_safe(item: ReminderItem) -> str:
    """The last minute at which acting is safe, in the cloud's zone; a notice's in the reader's."""
    if item.reminder.anchor.kind is AnchorKind.NOTICE:
        return text.day(item.reminder.anchor.date)
    return text.instant(text.last_safe(item.safe_until))


def owner(item: ReminderItem) -> str:
    """The owner as a mention, or that there is none."""
    user = item.subscription.owner
    return text.mention(user) if user else NO_OWNER


def actor(item: ReminderItem) -> str:
    """Who settled it."""
    return text.mention(item.settled_by) if item.settled_by else "Lapse"


def did_at(item: ReminderItem) -> str:
    """When it was settled: `, Mon 16 Nov, 10:05 GMT+08:00`; empty when not known."""
    return f", {text.short_instant(item.settled_at)}" if item.settled_at else ""


def works_until(item: ReminderItem) -> str:
    """Until when it works; empty when not known."""
    ends = item.subscription.expires_at
    return f" It works until {text.instant(ends)}." if ends else ""


def snoozed(item: ReminderItem, zone: ZoneInfo) -> str:
    """Who snoozed it until when, in the reader's zone."""
    until = text.instant_in(item.snoozed_until, zone) if item.snoozed_until else "later"
    return f"{actor(item)} snoozed this until {until}."


def requested(item: ReminderItem) -> str:
    """Which request waits."""
    by = f" by {text.mention(item.settled_by)}" if item.settled_by else ""
    return f"Request {item.request_number}{by} waits. Reminders go on until it is executed."


def late(message: ReminderMessage) -> str:
    """Due when, sent when and why late, in the reader's zone."""
    due = min(item.reminder.due_at for item in message.items).astimezone(message.zone)
    sent = message.sent_at.astimezone(message.zone)
    day = "" if due.date() == sent.date() else f"{text.short_day(sent.date())}, "
    why = f": {text.esc(message.why)}" if message.why else ""
    return text.sentence(
        f"Due {text.short_day(due.date())}, {due:%H:%M}, "
        f"sent {day}{sent:%H:%M} {message.zone.key}{why}"
    )


def meant(message: ReminderMessage | ReminderRest) -> str:
    """Where it should have gone and why it did not; empty where it stands where it belongs."""
    of = len(message.items) if isinstance(message, ReminderMessage) else message.count
    return " ".join(_meant(each, of=of) for each in message.meant)


def value(message: ReminderMessage, key: SubscriptionKey | None = None) -> str:
    """What a button carries: the message, and the subscription it is about."""
    return f"{message.delivery_id} {key}" if key else message.delivery_id


def block_id(message: ReminderMessage, item: ReminderItem) -> str:
    """The same for a row of a digest, numbered: a subscription can be in it with two anchors."""
    number = message.items.index(item)
    return f"{message.delivery_id}#{number} {item.subscription.key}"[:255]


def settled_word(item: ReminderItem, zone: ZoneInfo) -> str:
    """What became of one item of a digest, in a few words; empty while nothing did."""
    return _WORDS[item.settled](item, zone) if item.settled in _WORDS else ""


def give_back_until(item: ReminderItem) -> str:
    """Until which day a renewal can be given back after its deduction; empty when not known."""
    ends = item.subscription.expires_at
    return text.day(text.cloud_day(ends)) if ends else ""


def _meant(channel: Meant, *, of: int) -> str:
    were = "was" if channel.count == 1 else "were"
    some = f"{channel.count:,} of these {were} meant" if channel.count < of else "Meant"
    return text.sentence(f"{some} for {text.channel(channel.channel)}: {text.esc(channel.why)}")


_HEADLINES: Mapping[AnchorKind, Callable[[ReminderItem], str]] = {
    AnchorKind.DEDUCTION: lambda item: (
        f"{amount(item)} will be deducted on {text.day(item.reminder.anchor.date)}"
        if item.amount
        else f"Deduction on {text.day(item.reminder.anchor.date)}, amount not known"
    ),
    AnchorKind.EXPIRY: lambda item: (
        f"Expires {text.day(item.reminder.anchor.date)}: {item.subscription.label}"
    ),
    AnchorKind.NOTICE: lambda item: (
        f"Notice by {text.day(item.reminder.anchor.date)}: {item.subscription.label}"
    ),
}

_WORDS: Mapping[Settled, Callable[[ReminderItem, ZoneInfo], str]] = {
    Settled.TURNING_OFF: lambda item, _: f"{actor(item)} is turning it off…",
    Settled.TURNED_OFF: lambda item, _: f"{actor(item)} turned it off{did_at(item)}",
    Settled.KEPT: lambda item, _: f"{actor(item)} keeps it",
    Settled.SNOOZED: lambda item, zone: snoozed(item, zone).rstrip("."),
    Settled.REQUESTED: lambda item, _: f"request {item.request_number} waits",
    Settled.NO_LONGER_DUE: lambda item, _: (
        f"no longer due: {text.esc(item.note or 'it changed at the cloud')}"
    ),
}
