"""What those who run Lapse are told: the trouble, since when, what to do, and when it is over."""

from datetime import datetime, timedelta

from slack_sdk.models.blocks import Block

from bot.facts.messages import OperatorWarning
from handlers import text
from handlers.blocks.pieces import Content, header, rich

HEADLINE = 60


def operator_warning(warning: OperatorWarning) -> Content:
    """Trouble, in the words of whoever found it, with the moment since when it lasts."""
    if warning.over_at is not None:
        return _over(warning, warning.over_at)
    since = f"Since {text.instant(warning.since)}: "
    blocks: list[Block] = [
        header(text.clip(warning.subject, HEADLINE), emoji="warning"),
        rich((since, warning.text)),
    ]
    spoken = text.fallback(
        text.esc(warning.subject), f"{since}{text.esc(warning.text)}", limit=2000
    )
    return Content(spoken, blocks, "Trouble")


def _over(warning: OperatorWarning, over_at: datetime) -> Content:
    """How it ended, how long it lasted, and what it was."""
    headline = f"{'Solved' if warning.solved else 'Over'}: {warning.over}"
    emoji = "white_check_mark" if warning.solved else "no_entry_sign"
    began, ended = text.instant(warning.since), text.instant(over_at)
    took = f"It lasted {lasted(over_at - warning.since)}, from {began} to {ended}."
    was = f"It was: {text.sentence(warning.subject)}"
    blocks: list[Block] = [
        header(text.clip(headline, HEADLINE), emoji=emoji),
        rich((took,), (was,)),
    ]
    spoken = text.fallback(text.esc(headline), took, text.esc(was), limit=2000)
    return Content(spoken, blocks, "Trouble")


def lasted(span: timedelta) -> str:
    """`31 minutes`, `3 hours 20 minutes`, `2 days 4 hours`: the two largest units."""
    minutes = max(1, round(span / timedelta(minutes=1)))
    parts = (
        (minutes // 1440, "day"),
        (minutes % 1440 // 60, "hour"),
        (minutes % 60, "minute"),
    )
    first = next(n for n, (count, _) in enumerate(parts) if count)
    return " ".join(text.plural(count, word) for count, word in parts[first : first + 2] if count)
