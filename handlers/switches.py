"""Auto-renewal switched by request: on its way to a person, and back from the press."""

import json
from collections.abc import Sequence
from datetime import datetime

from bot.billing.change import Change
from bot.billing.subscription import SlackUser, SubscriptionKey
from bot.billing.unsubscription import Request
from bot.facts.switching import SwitchDraft, SwitchWish
from bot.services.errors import ChargesChanged
from handlers import payloads
from handlers.blocks import switching as blocks
from handlers.blocks import unsubscribe
from handlers.blocks.pieces import Content
from handlers.services import Services
from handlers.turns import Turn, note

VERSION = "s1"
"""How what a button carries begins; buttons live on in messages."""


class Switches:
    """The facts and one button, as an answer or in a window; the press makes it a request."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def answer(self, turn: Turn, refs: Sequence[str], change: Change) -> None:
        """Answer with the facts and the button."""
        turn.answer(self._asked_for(turn, refs, change))

    def open(self, turn: Turn, refs: Sequence[str], change: Change) -> None:
        """The same in a window."""
        turn.open(unsubscribe.as_view(self._asked_for(turn, refs, change)))

    def send(self, turn: Turn) -> None:
        """The confirmed press; where the facts are others by now, they are shown instead."""
        wish, _ = _read(payloads.pressed(turn.body), by=turn.user)
        try:
            request = self._services.switching.ask(wish)
        except ChargesChanged as changed:
            note(changed, turn)
            shown = self._services.discretion.seen_by(turn.user, changed.draft)
            again = blocks.asked_for(shown, _carried(shown), changed=changed.sentence)
            turn.answer(again, replace=True)
            return
        turn.answer(self._sent(request), replace=True)

    def request_off(self, turn: Turn, keys: Sequence[SubscriptionKey]) -> Content:
        """Ask for these to be turned off, and what to say of it."""
        wish = SwitchWish(change=Change.RENEWAL_OFF, keys=tuple(keys), by=turn.user)
        return self._sent(self._services.switching.ask(wish))

    def review(self, turn: Turn, request: Request) -> None:
        """*Review new figures…* of a stale one: both columns, and a button to acknowledge."""
        turn.open(unsubscribe.as_view(self._reviewed(turn, request.number)))

    def acknowledge_again(self, turn: Turn) -> None:
        """What it means now was acknowledged; the request waits again."""
        wish, number = _read(payloads.pressed(turn.body), by=turn.user)
        if number is None:
            return
        try:
            request = self._services.switching.acknowledge_again(number, wish)
        except ChargesChanged as changed:
            note(changed, turn)
            turn.answer(self._reviewed(turn, number), replace=True)
            return
        turn.answer(self._sent(request), replace=True)

    def _reviewed(self, turn: Turn, number: int) -> Content:
        new = self._services.switching.review(number, by=turn.user)
        return blocks.reviewing(new, _carried(new.draft, number=number))

    def _asked_for(self, turn: Turn, refs: Sequence[str], change: Change) -> Content:
        draft = self._services.switching.draft(refs, change, by=turn.user)
        draft = self._services.discretion.seen_by(turn.user, draft)
        return blocks.asked_for(draft, _carried(draft))

    def _sent(self, request: Request) -> Content:
        return unsubscribe.sent(request, self._services.policy.approvals_channel)


def _carried(draft: SwitchDraft, *, number: int | None = None) -> str:
    """What the button carries: ids and when it was shown, never an amount."""
    facts = {
        "c": draft.change.value,
        "k": [str(each.subscription.key) for each in draft.items],
        "o": draft.opened_at.isoformat(),
        "f": draft.fingerprint,
        "n": number,
    }
    return f"{VERSION} {json.dumps(facts, separators=(',', ':'))}"


def _read(value: str, *, by: SlackUser) -> tuple[SwitchWish, int | None]:
    """What was asked for or acknowledged; ValueError when an earlier Lapse wrote the button."""
    version, _, written = value.partition(" ")
    if version != VERSION:
        raise ValueError(f"a switch of version {version[:8]!r} is not known")
    facts = json.loads(written)
    wish = SwitchWish(
        change=Change(facts["c"]),
        keys=payloads.keys("\n".join(facts["k"])),
        by=by,
        opened_at=datetime.fromisoformat(facts["o"]),
        fingerprint=str(facts["f"]),
    )
    return wish, facts["n"]
