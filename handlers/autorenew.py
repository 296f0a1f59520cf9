"""Turning auto-renewal off: from the command, from `show`, and for several at once."""

from collections.abc import Callable, Mapping, Sequence

from bot.billing.subscription import SubscriptionKey
from bot.facts.renewing import Renewals
from handlers import ids, payloads
from handlers.blocks import looking, renewing
from handlers.services import Services
from handlers.turns import Turn, Turns


class AutoRenew:
    """`/lapse autorenew` and the buttons that do the same; the result takes the button's place."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def commands(self) -> Mapping[str, Callable[[Turn, str], None]]:
        """The words after `/lapse` that this conversation answers."""
        return {"autorenew": self.command}

    def register(self, turns: Turns) -> None:
        """Bind the buttons and the form."""
        turns.action(ids.AUTORENEW_OFF, self.turn_off)
        turns.action(ids.AUTORENEW_FORM, self.open_form)
        turns.view(ids.AUTORENEW_FORM, self.submit)

    def command(self, turn: Turn, typed: str) -> None:
        """The facts and one button; turning on is not there yet."""
        wanted = payloads.switch(typed)
        if wanted.on:
            turn.answer(
                looking.not_yet(
                    "Turning auto-renewal on by request", instead="do it in the cloud's console"
                )
            )
        else:
            turn.answer(renewing.turning_off(self._settings(turn, wanted.ref)))

    def turn_off(self, turn: Turn) -> None:
        """The confirmed press: it shows at once, then what was read back."""
        turn.working(renewing.in_progress(turn.user))
        self._turn_off(turn, payloads.keys(payloads.pressed(turn.body)))

    def open_form(self, turn: Turn) -> None:
        """A quota with packages asks which of them."""
        turn.open(renewing.form(self._settings(turn, payloads.pressed(turn.body))))

    def submit(self, turn: Turn) -> Mapping[str, object]:
        """The ticked ones are turned off while the modal says so."""
        ticked = payloads.ticked(turn.body, ids.AUTORENEW_TICKS)
        if not ticked:
            return renewing.nothing_ticked()
        keys = payloads.keys("\n".join(ticked))
        turn.later(lambda later: self._turn_off(later, keys))
        return renewing.progress_answer(turn.user)

    def _settings(self, turn: Turn, ref: str) -> Renewals:
        settings = self._services.renewing.settings_for(ref)
        return self._services.discretion.seen_by(turn.user, settings)

    def _turn_off(self, turn: Turn, keys: Sequence[SubscriptionKey]) -> None:
        result = self._services.renewing.turn_off(keys, by=turn.user)
        turn.answer(renewing.turned_off(result), replace=True)
