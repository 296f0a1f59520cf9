"""Deciding for somebody else: `/lapse delegate`, the form, and ending it."""

from collections.abc import Callable, Mapping
from uuid import uuid4

from bot.services.errors import DelegationIncomplete
from handlers import ids, payloads, submissions
from handlers.blocks import delegations
from handlers.services import Services
from handlers.turns import Turn, Turns, note


class Delegations:
    """Who decides for whom; only approvers delegate, which is checked at every click."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._delegating = services.delegating

    @property
    def commands(self) -> Mapping[str, Callable[[Turn, str], None]]:
        """The word after `/lapse` that this conversation answers."""
        return {"delegate": self.command}

    def register(self, turns: Turns) -> None:
        """Bind the buttons and the form."""
        turns.action(ids.DELEGATE, self.open)
        turns.action(ids.DELEGATION_END, self.end)
        turns.view(ids.DELEGATE_FORM, self.submit)

    def command(self, turn: Turn, typed: str) -> None:
        """Alone it lists those in force; with somebody, or `new`, it opens the form."""
        if not typed:
            self._list(turn, replace=False)
        else:
            self._open(turn, delegate=payloads.person(typed) or "")

    def open(self, turn: Turn) -> None:
        """*Delegate…*: the form."""
        self._open(turn, delegate="")

    def submit(self, turn: Turn) -> Mapping[str, object]:
        """The form was sent; what is wrong stands under its field."""
        wish = submissions.delegation(turn.body, by=turn.user)
        try:
            delegation = self._delegating.delegate(wish)
        except DelegationIncomplete as refusal:
            note(refusal, turn)
            under = {delegations.FIELDS[field]: said for field, said in refusal.fields.items()}
            return {"response_action": "errors", "errors": under}
        policy = self._services.policy
        shown = delegations.delegated(
            delegation,
            policy.schedule.zone,
            channel=policy.approvals_channel,
            approver_too=self._delegating.decides_already(delegation.delegate),
        )
        return {"response_action": "update", "view": shown.to_dict()}

    def end(self, turn: Turn) -> None:
        """*End now*: the list takes its own place, without it."""
        self._delegating.end(payloads.pressed(turn.body), by=turn.user)
        self._list(turn, replace=True)

    def _list(self, turn: Turn, *, replace: bool) -> None:
        found = self._delegating.listed(by=turn.user)
        turn.answer(delegations.listed(found), replace=replace)

    def _open(self, turn: Turn, *, delegate: str) -> None:
        self._delegating.demand(turn.user)
        zone = self._services.policy.schedule.zone
        today = self._services.clock.now().astimezone(zone).date()
        turn.open(delegations.form(uuid4().hex, today=today, delegate=delegate))
