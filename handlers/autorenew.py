"""Turning auto-renewal off and on: from the command, from `show`, and for several at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.billing.change import Change
from bot.billing.subscription import SubscriptionKey
from bot.facts.renewing import Renewals
from handlers import ids, payloads
from handlers.blocks import renewing
from handlers.services import Services
from handlers.switches import Switches
from handlers.turns import Turn, Turns


class AutoRenew:
    """`/lapse autorenew` and the buttons that do the same; the result takes the button's place."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._switches = Switches(services)

    @property
    def _by_request(self) -> bool:
        return self._services.switching.needs_request(Change.RENEWAL_OFF)

    @property
    def commands(self) -> Mapping[str, Callable[[Turn, str], None]]:
        """The words after `/lapse` that this conversation answers."""
        return {"autorenew": self.command}

    def register(self, turns: Turns) -> None:
        """Bind the buttons and the form."""
        turns.action(ids.AUTORENEW_OFF, self.turn_off)
        turns.action(ids.AUTORENEW_FORM, self.open_form)
        turns.view(ids.AUTORENEW_FORM, self.submit)
        turns.action(ids.AUTORENEW_ON, self.turn_on_again)
        turns.action(ids.AUTORENEW_ASK, self._switches.send)

    def command(self, turn: Turn, typed: str) -> None:
        """The facts and one button: off at once, or by request where the settings say so, as on."""
        wanted = payloads.switch(typed)
        if wanted.on:
            self._switches.answer(turn, [wanted.ref], Change.RENEWAL_ON)
        else:
            turn.answer(renewing.turning_off(self._settings(turn, wanted.ref)))

    def turn_off(self, turn: Turn) -> None:
        """The confirmed press: it shows at once, then what was read back, or the request."""
        if not self._by_request:
            turn.working(renewing.in_progress(turn.user))
        self._turn_off(turn, payloads.keys(payloads.pressed(turn.body)))

    def turn_on_again(self, turn: Turn) -> None:
        """*Turn on again…*: the facts of turning it on, in a window."""
        keys = payloads.keys(payloads.pressed(turn.body))
        self._switches.open(turn, [str(key) for key in keys], Change.RENEWAL_ON)

    def open_form(self, turn: Turn) -> None:
        """A quota with packages asks which of them; whom none of it is theirs hears that now."""
        settings = self._settings(turn, payloads.pressed(turn.body))
        if not self._by_request:
            self._services.renewing.demand_some(settings, by=turn.user)
        turn.open(renewing.form(settings))

    def submit(self, turn: Turn) -> Mapping[str, object]:
        """The ticked ones are turned off while the modal says so."""
        ticked = payloads.ticked(turn.body, ids.AUTORENEW_TICKS)
        if not ticked:
            return renewing.nothing_ticked()
        keys = payloads.keys("\n".join(ticked))
        turn.later(lambda later: self._turn_off(later, keys))
        return renewing.progress_answer(turn.user, by_request=self._by_request)

    def _settings(self, turn: Turn, ref: str) -> Renewals:
        found = self._services.renewing.settings_for(ref)
        settings = replace(found, by_request=self._by_request)
        return self._services.discretion.seen_by(turn.user, settings)

    def _turn_off(self, turn: Turn, keys: Sequence[SubscriptionKey]) -> None:
        if self._by_request:
            turn.answer(self._switches.request_off(turn, keys), replace=True)
            return
        result = self._services.renewing.turn_off(keys, by=turn.user)
        turn.answer(renewing.turned_off(result), replace=True)
