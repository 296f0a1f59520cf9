"""*Review new figures*: what was acknowledged beside what the facts say today."""

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.facts.unsubscribing import NewFigures
from handlers import ids, text
from handlers.blocks import contracts, figures, form_fields
from handlers.blocks import request_facts as facts
from handlers.blocks.pieces import fields, modal, section
from handlers.blocks.request_body import foreign
from handlers.blocks.stale_words import FIGURES_WORSE, because
from handlers.forms import Carried, encode


def form(new: NewFigures) -> View:
    """Both columns, the items with today's figures, and the checkbox, empty again."""
    draft = new.draft
    carried = Carried.fresh(draft.refs, review_of=new.number).showing(draft)
    return modal(
        "Review new figures",
        [
            section(_why(new)),
            *_compared(new),
            form_fields.fee(draft),
        ],
        callback_id=ids.REVIEW_FORM,
        submit="Acknowledge",
        close="Go back",
        metadata=encode(carried),
        dry_run=draft.dry_run,
    )


def _compared(new: NewFigures) -> list[Block]:
    draft = new.draft
    if draft.is_contract:
        return contracts.form_facts(draft)
    now = f"Refund now {text.money(draft.total.refund)}\n{facts.worst_lines(draft.worst)}"
    columns = fields(
        (f"Acknowledged {text.short_instant(new.acknowledged_at)}", facts.worst_lines(new.before)),
        (facts.read_when(new.read_at, at=draft.now), now),
    )
    return [columns, *figures.facts(draft)]


def _why(new: NewFigures) -> str:
    why = because(new.why, account=new.draft.account.name)
    said = f"Request {new.number}: {why}, nothing was executed."
    if why == FIGURES_WORSE or not new.why:
        return said
    return f"{said} {foreign(text.sentence(new.why))}"
