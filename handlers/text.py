"""Text for people: escaping, money, instants, dates and the spoken fallback."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date
from babel.numbers import parse_pattern

from bot.billing.money import Money
from bot.billing.renewal import CLOUD_ZONE
from bot.facts.erased import ERASED

LOCALE = Locale.parse("en_US")
CLOUD = "GMT+08:00"
NOT_KNOWN = "amount not known"
ELLIPSIS = "…"

_MONEY = parse_pattern("¤¤\u00a0#,##0.00;-¤¤\u00a0#,##0.00")
_AMOUNT = re.compile(r"\b([A-Z]{3}) (-?\d[\d,]*\.\d\d)\b")
_PLACE = re.compile(r"#[CG][A-Z0-9]+|@[UW][A-Z0-9]+")
_HALF_A_YEAR = timedelta(days=182)


def esc(text: str) -> str:
    """Take the meaning out of the three characters that mrkdwn and top-level text obey."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """A foreign word between backticks, which it cannot leave."""
    return f"`{esc(text.replace('`', ''))}`"


def clip(text: str, limit: int) -> str:
    """At most `limit` characters; what is cut ends with an ellipsis, at a word if one is near."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ")
    near = cut[:space] if space > limit * 3 // 4 else cut
    return near.rstrip(" ,;:.") + ELLIPSIS


def money(amount: Money | None) -> str:
    """`USD 3,600.00` with a no-break space; an amount that nobody knows is said so, never 0.

    One that the reader may not see reads *amount hidden*.
    """
    if amount is None:
        return NOT_KNOWN
    if amount.is_hidden:
        return str(amount)
    rounded = amount.rounded()
    return str(
        _MONEY.apply(rounded.amount, LOCALE, currency=rounded.currency, currency_digits=False)
    )


def tied(text: str) -> str:
    """A sentence of the rules, its amounts kept on one line as `money` keeps them."""
    return _AMOUNT.sub("\\1\u00a0\\2", text)


def percent(rate: Decimal) -> str:
    """`12.5 %`, as many decimals as there are."""
    return f"{(rate * 100).normalize():f} %"


def day(when: date) -> str:
    """A date without an hour: `Fri 27 Nov 2026`."""
    return str(format_date(when, "EEE d MMM y", LOCALE))


def short_day(when: date, *, today: date | None = None) -> str:
    """`Fri 27 Nov`; seen from `today` the year stays for other years and for half a year ahead."""
    near = today is None or (when.year == today.year and abs(when - today) < _HALF_A_YEAR)
    return str(format_date(when, "EEE d MMM", LOCALE)) if near else day(when)


def cloud_day(at: datetime) -> date:
    """The date of an instant in the cloud's zone."""
    return at.astimezone(CLOUD_ZONE).date()


def time_of_day(at: datetime) -> str:
    """`03:00` in the cloud's zone, for places where the zone stands already; 23:59:59 is 23:59."""
    return f"{at.astimezone(CLOUD_ZONE):%H:%M}"


def hour(at: datetime) -> str:
    """`10:58 GMT+08:00`."""
    return f"{time_of_day(at)} {CLOUD}"


def instant(at: datetime) -> str:
    """`Mon 30 Nov 2026, 03:00 GMT+08:00`: an instant in the cloud's zone."""
    return f"{day(cloud_day(at))}, {hour(at)}"


def short_instant(at: datetime, *, today: date | None = None) -> str:
    """`Mon 16 Nov, 10:05 GMT+08:00`."""
    return f"{short_day(cloud_day(at), today=today)}, {hour(at)}"


def instant_in(at: datetime, zone: ZoneInfo) -> str:
    """`Fri 20 Nov 2026, 09:00 Asia/Shanghai`: an instant in a reader's zone, which is named."""
    local = at.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M} {zone.key}"


def yours(at: datetime) -> str:
    """Slack's token for an instant in the reader's own zone; mrkdwn only, never top-level text."""
    utc = at.astimezone(ZoneInfo("UTC"))
    fallback = f"{short_day(utc.date())}, {utc:%H:%M} UTC"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}}, {{time}}|{fallback}>"


def instant_and_yours(at: datetime) -> str:
    """`Mon 30 Nov 2026, 03:00 GMT+08:00 (yours: …)`; mrkdwn only."""
    return f"{instant(at)} (yours: {yours(at)})"


def same_hour(at: datetime, zone: ZoneInfo) -> bool:
    """Whether a reader's clock shows what the cloud's shows at this instant."""
    return at.astimezone(zone).utcoffset() == at.astimezone(CLOUD_ZONE).utcoffset()


def spoken(at: datetime, zone: ZoneInfo | None) -> str:
    """An instant for top-level text: the cloud's zone, then the reader's where it differs.

    `Mon 30 Nov 2026, 03:00 GMT+08:00, Sun 29 Nov 20:00 Europe/Berlin`.
    """
    if zone is None or same_hour(at, zone):
        return instant(at)
    local = at.astimezone(zone)
    return f"{instant(at)}, {short_day(local.date())} {local:%H:%M} {zone.key}"


def spoken_with_zone(at: datetime, zone: ZoneInfo) -> str:
    """As `spoken`, and says so where the reader's hour is the same, as reminders do."""
    if same_hour(at, zone):
        return f"{instant(at)} (same hour in {zone.key})"
    return spoken(at, zone)


def last_safe(cutoff: datetime) -> datetime:
    """The last full minute before a cut-off at which acting is no longer safe (R25).

    Of 23:59:59, which stands for the end of a day, it is 23:59.
    """
    return (cutoff + timedelta(seconds=1)).replace(second=0, microsecond=0) - timedelta(minutes=1)


def mention(user: str) -> str:
    """A person in mrkdwn; nobody who was erased."""
    return user if user == ERASED else f"<@{user}>"


def places(foreign: str) -> str:
    """Escape everything; ids of channels and people, written `#C…` and `@U…`, become mentions."""
    return _PLACE.sub(lambda found: f"<{found[0]}>", esc(foreign))


def channel(channel_id: str) -> str:
    """A channel in mrkdwn."""
    return f"<#{channel_id}>"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """`1 package`, `2 packages`; `many` where adding an s would be wrong."""
    word = noun if count == 1 else (many or f"{noun}s")
    return f"{count:,} {word}"


def joined(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def sentence(text: str) -> str:
    """The text, ended with a full stop unless it ends already."""
    stripped = text.rstrip()
    return stripped if stripped.endswith((".", "?", "!", ELLIPSIS)) else f"{stripped}."


def fallback(*sentences: str, limit: int = 600, closing: str = "") -> str:
    """Top-level text: the sentences that fit, in order, then the closing one, which always fits.

    Where not all fit, the text before the closing says so with an ellipsis. Expects escaped text;
    whole sentences are left out, so no escape and no figure is cut in two.
    """
    room = limit - (len(closing) + 1 if closing else 0)
    kept: list[str] = []
    used = 0
    for each in (sentence(s) for s in sentences if s):
        if used + len(each) + 1 > room - 2:
            kept.append(ELLIPSIS if kept else clip(each, room))
            break
        kept.append(each)
        used += len(each) + 1
    return " ".join([*kept, closing] if closing else kept)
