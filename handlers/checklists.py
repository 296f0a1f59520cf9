"""What a person carries out by hand: *Done…*, *It is gone* and *Still there…*."""

from collections.abc import Callable, Mapping

from bot.billing.rights import Action
from bot.billing.unsubscription import NobodyElseLooks, OutOfOrder, Request
from bot.services.errors import ChecklistIncomplete, Incomplete, RequestRefused
from handlers import ids, submissions
from handlers.blocks import checklist
from handlers.services import Services
from handlers.turns import Turn, Turns, note


class Checklists:
    """The buttons of a checklist. Its message changes through the outbox alone."""

    def __init__(self, services: Services) -> None:
        self._vouching = services.vouching

    def register(self, turns: Turns) -> None:
        """Bind everything that can be pressed or sent."""
        turns.action(ids.CHECKLIST_DONE, self.ask_what_shows_it)
        turns.view(ids.CHECKLIST_DONE_FORM, self.done)
        turns.action(ids.CHECKLIST_GONE, self.gone)
        turns.action(ids.CHECKLIST_STILL, self.ask_what_is_there)
        turns.view(ids.CHECKLIST_STILL_FORM, self.still_there)

    def ask_what_shows_it(self, turn: Turn) -> None:
        """*Done…*: only who may say so is asked for what shows it."""
        request = self._vouching.open(submissions.number(turn.body), by=turn.user)
        turn.open(checklist.done_form(request))

    def done(self, turn: Turn) -> Mapping[str, object] | None:
        """What was done was sent, with what shows it."""
        said = submissions.why(turn.body)
        return _answered(
            turn,
            lambda: self._vouching.done(
                said.number,
                by=turn.user,
                items=submissions.ticked_items(turn.body),
                evidence=said.evidence,
                file=said.file,
                note=said.why,
                shown=said.shown,
            ),
        )

    def gone(self, turn: Turn) -> None:
        """*It is gone*, confirmed."""
        number, shown = submissions.number(turn.body), submissions.shown(turn.body)
        self._vouching.gone(number, by=turn.user, shown=shown)

    def ask_what_is_there(self, turn: Turn) -> None:
        """*Still there…*: asks those who may verify it what they saw."""
        number = submissions.number(turn.body)
        request = self._vouching.demand(number, Action.CONFIRM, by=turn.user)
        turn.open(checklist.still_form(request))

    def still_there(self, turn: Turn) -> Mapping[str, object] | None:
        """What is still there was sent."""
        said = submissions.why(turn.body)
        return _answered(
            turn,
            lambda: self._vouching.still_there(
                said.number,
                by=turn.user,
                items=submissions.ticked_items(turn.body),
                why=said.why,
                shown=said.shown,
            ),
        )


def _answered(turn: Turn, act: Callable[[], Request]) -> Mapping[str, object] | None:
    """Nothing when it was done, which closes the modal; else what is missing under its field."""
    try:
        act()
    except ChecklistIncomplete as refusal:
        note(refusal, turn)
        under = {_BLOCKS[field]: words for field, words in refusal.fields.items()}
        return {"response_action": "errors", "errors": under}
    except RequestRefused as refusal:
        if not isinstance(refusal.cause, OutOfOrder | NobodyElseLooks):
            raise
        note(refusal, turn)
        under = {ids.CHECKLIST_ITEMS: f"{refusal.sentence} {refusal.advice}"}
        return {"response_action": "errors", "errors": under}
    except Incomplete as refusal:
        note(refusal, turn)
        return {"response_action": "errors", "errors": {ids.WHY: WHAT_WAS_SEEN}}
    return None


WHAT_WAS_SEEN = "Say what you saw; who did it reads it."

_BLOCKS: Mapping[str, str] = {
    "items": ids.CHECKLIST_ITEMS,
    "evidence": ids.EVIDENCE,
    "file": ids.EVIDENCE_FILE,
}
