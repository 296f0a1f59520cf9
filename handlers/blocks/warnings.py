"""What those who run Lapse are told: the trouble, since when, what to do."""

from slack_sdk.models.blocks import Block

from bot.facts.messages import OperatorWarning
from handlers import text
from handlers.blocks.pieces import Content, header, rich

HEADLINE = 60


def operator_warning(warning: OperatorWarning) -> Content:
    """Trouble, in the words of whoever found it, with the moment since when it lasts."""
    since = f"Since {text.instant(warning.since)}: "
    blocks: list[Block] = [
        header(text.clip(warning.subject, HEADLINE), emoji="warning"),
        rich((since, warning.text)),
    ]
    spoken = text.fallback(
        text.esc(warning.subject), f"{since}{text.esc(warning.text)}", limit=2000
    )
    return Content(spoken, blocks, "Trouble")
