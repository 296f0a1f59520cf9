"""The unsubscription form on its way to a person: opened at once, filled when it is read."""

import logging
from collections.abc import Callable
from threading import Timer

from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View

from bot.facts.unsubscribing import Draft
from bot.services.discretion import Discretion
from bot.services.errors import NotPossible, Refused
from bot.services.unsubscribing import Unsubscribing
from handlers import errors
from handlers.blocks import unsubscribe as blocks
from handlers.blocks.pieces import Content
from handlers.forms import Carried, Filled
from handlers.turns import Turn, note

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds after which a form says that its figures could not be read (ux, section 2.6)."""

NOTHING = Filled()


class Asking:
    """Opens the form as a modal or answers with it as a private message."""

    def __init__(
        self, unsubscribing: Unsubscribing, discretion: Discretion, *, patience: float = PATIENCE
    ) -> None:
        self._unsubscribing = unsubscribing
        self._discretion = discretion
        self._patience = patience

    def open(self, turn: Turn, carried: Carried, *, filled: Filled = NOTHING) -> None:
        """Open a modal at once, then fill it with figures."""
        name = ", ".join(ref.rpartition("/")[2] for ref in carried.refs[:3])
        loading = blocks.loading(carried, name)
        response = turn.client.views_open(trigger_id=turn.trigger_id, view=loading)
        view = response["view"]
        self.fill(turn, carried, filled=filled, view_id=view["id"], view_hash=view["hash"])

    def fill(
        self,
        turn: Turn,
        carried: Carried,
        *,
        filled: Filled = NOTHING,
        view_id: str,
        view_hash: str | None = None,
        redrawn: bool = False,
    ) -> None:
        """Draw the modal with today's figures; after ten seconds it says that it cannot.

        With a hash it replaces nothing that is newer, except that a form is `redrawn` again and
        again until it was sent.
        """
        late = Timer(self._patience, self._give_up, (turn, carried, view_id, view_hash))
        late.daemon = True
        late.start()
        view = drawn(turn, lambda: blocks.form(self.draft(turn, carried), carried, filled=filled))
        late.cancel()
        there = _replace(turn, view, view_id=view_id, view_hash=view_hash)
        if not there and redrawn and not self._unsubscribing.was_sent(carried.form):
            _replace(turn, view, view_id=view_id, view_hash=None)

    def answer(self, turn: Turn, carried: Carried) -> None:
        """Answer with the form in a private message."""
        turn.answer(self.message(turn, carried))

    def message(self, turn: Turn, carried: Carried) -> Content:
        """The form as message blocks, or why nothing of it can go."""
        try:
            return blocks.message(self.draft(turn, carried), carried)
        except NotPossible as refusal:
            note(refusal, turn)
            return explained(refusal)

    def draft(self, turn: Turn, carried: Carried) -> Draft:
        """The figures of now for what the form is about; counted from when it was opened."""
        draft = self._unsubscribing.draft(
            carried.refs,
            by=turn.user,
            packages=carried.packages,
            scope=carried.scope,
            opened_at=carried.opened_at,
        )
        return self.seen(turn, draft)

    def seen(self, turn: Turn, draft: Draft) -> Draft:
        """A form with the amounts that the person may see; what is hidden is not carried either."""
        return self._discretion.seen_by(turn.user, draft)

    def _give_up(self, turn: Turn, carried: Carried, view_id: str, view_hash: str | None) -> None:
        _replace(turn, blocks.unreadable(carried), view_id=view_id, view_hash=view_hash)


def drawn(turn: Turn, draw: Callable[[], View]) -> View:
    """The view that can be drawn; whatever prevents it is said in the window that waits for it."""
    try:
        return draw()
    except NotPossible as refusal:
        note(refusal, turn)
        return blocks.as_view(explained(refusal))
    except Exception as error:  # noqa: BLE001 - the window is open and must not load for ever
        note(error, turn)
        return errors.view(error, code=turn.code)


def explained(refusal: NotPossible) -> Content:
    """Why nothing of it can go now, and what can be done instead."""
    key, first = next(iter(refusal.refusals.items()))
    return blocks.not_possible(
        refusal.sentence,
        refusal.advice,
        rule=first.rule,
        together=[str(each) for each in refusal.together_with],
        shown=str(key),
    )


def explained_view(error: Refused, *, code: str) -> View:
    """Any refusal as a modal."""
    if isinstance(error, NotPossible):
        return blocks.as_view(explained(error))
    return errors.view(error, code=code)


def _replace(turn: Turn, view: View, *, view_id: str, view_hash: str | None) -> bool:
    """Whether it is there now; False when the window was closed or shows something newer."""
    try:
        turn.client.views_update(view_id=view_id, view=view, hash=view_hash)
    except SlackApiError as error:
        if error.response["error"] not in {"hash_conflict", "not_found", "view_not_found"}:
            raise
        log.info("form.replaced-meanwhile", extra={"view": view_id})
        return False
    return True
