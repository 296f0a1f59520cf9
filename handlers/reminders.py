"""Reminders: settling what one announced, for one or several, and looking at all of them."""

from collections.abc import Callable, Mapping, Sequence

from bot.billing.change import Change
from bot.billing.rights import Action
from bot.billing.subscription import SubscriptionKey
from bot.services.errors import Incomplete, NoLongerDue, SnoozeTooFar
from handlers import ids, paging, payloads, submissions
from handlers.asking import Asking
from handlers.blocks import looking, recalling, settling, showing
from handlers.blocks import reminder_actions as offers
from handlers.blocks.looking import Linked
from handlers.blocks.pieces import Content
from handlers.forms import Carried
from handlers.paging import Paging
from handlers.services import Services
from handlers.submissions import Press
from handlers.switches import Switches
from handlers.turns import Turn, Turns, note

DIRECT = "D"
"""What ids of conversations with one person begin with."""


class Reminders:
    """The buttons of reminders and digests, and `/lapse reminders`.

    The messages change through the outbox alone.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reminding = services.reminding
        self._renewing = services.renewing
        self._asking = Asking(services.unsubscribing, services.discretion)
        self._switches = Switches(services)
        self._chosen: Mapping[str, Callable[[Turn, Press], None]] = {
            offers.OFF: self._ask_first,
            offers.ON: self._turn_on,
            offers.UNSUBSCRIBE: self._unsubscribe,
            offers.KEEP: self._keep,
            offers.UNDO_KEEP: self._undo_keep,
            offers.SNOOZE: self._snooze,
            offers.SHOW: self._show,
            offers.OPEN_REQUEST: self._open_request,
        }

    @property
    def commands(self) -> Mapping[str, Callable[[Turn, str], None]]:
        """The words after `/lapse` that this conversation answers."""
        return {"reminders": self.list}

    def register(self, turns: Turns) -> None:
        """Bind everything that can be pressed or sent."""
        for action_id in (ids.REMINDERS_PAGE, ids.REMINDERS_PREVIOUS, ids.REMINDERS_EVERYWHERE):
            turns.action(action_id, self.other_page)
        turns.action(ids.REMINDER_OFF, self._pressed(self._turn_off))
        turns.action(ids.REMINDER_ON, self._pressed(self._turn_on))
        turns.action(ids.REMINDER_UNSUBSCRIBE, self._pressed(self._unsubscribe))
        turns.action(ids.REMINDER_KEEP, self._pressed(self._keep))
        turns.action(ids.REMINDER_UNDO_KEEP, self._pressed(self._undo_keep))
        turns.action(ids.REMINDER_SNOOZE, self._pressed(self._snooze))
        turns.action(ids.REMINDER_MENU, self.choose)
        turns.action(ids.REMINDER_SNOOZE_UNTIL, self.redraw_snooze)
        turns.view(ids.REMINDER_SNOOZE_FORM, self.snooze)
        turns.action(ids.REMINDER_OFF_SEVERAL, self.ask_which)
        turns.view(ids.REMINDER_OFF_FORM, self.turn_off_several)
        turns.action(ids.REMINDER_SHOW_ALL, self.show_all)
        for action_id in (ids.REMINDER_REST_PAGE, ids.REMINDER_REST_PREVIOUS):
            turns.action(action_id, self.other_rest_page)

    def list(self, turn: Turn, typed: str) -> None:
        """What is armed in this channel and what became of the others lately; or everywhere."""
        turn.answer(self._recalled(turn, Paging(page=1, filters=typed)))

    def other_page(self, turn: Turn) -> None:
        """Another page, or those of every destination, in place."""
        wanted = paging.read(payloads.pressed(turn.body))
        turn.answer(self._recalled(turn, wanted), replace=True)

    def _recalled(self, turn: Turn, wanted: Paging) -> Content:
        alone = not turn.channel or turn.channel.startswith(DIRECT)
        everywhere = payloads.everywhere(wanted.filters) or alone
        destination = None if everywhere else turn.channel
        return recalling.page(self._reminding.recalled(destination, page=wanted.page))

    def choose(self, turn: Turn) -> None:
        """One of the menu beside an item of a digest."""
        press = submissions.press(turn.body)
        self._chosen[press.choice](turn, press)

    def redraw_snooze(self, turn: Turn) -> None:
        """*Another day* was chosen, or left again: the field for it comes and goes."""
        press = submissions.carried_press(turn.body)
        another = submissions.chosen(turn.body) == settling.ANOTHER
        options = self._reminding.snooze_options(press.delivery, press.keys)
        view = settling.snooze(options, submissions.carry(press), another=another)
        turn.client.views_update(view_id=submissions.opened(turn.body).id, view=view)

    def snooze(self, turn: Turn) -> Mapping[str, object] | None:
        """The moment was chosen."""
        chosen = submissions.snoozed(turn.body)
        if chosen.until is None:
            note(Incomplete(nothing=True), turn)
            return _error(ids.REMINDER_SNOOZE_UNTIL, "Choose when it comes back.")
        press = chosen.press
        try:
            self._reminding.snooze(press.delivery, press.keys, until=chosen.until, by=turn.user)
        except SnoozeTooFar as refusal:
            note(refusal, turn)
            where = ids.REMINDER_SNOOZE_DAY if chosen.another else ids.REMINDER_SNOOZE_UNTIL
            return _error(where, f"{refusal.sentence} {refusal.advice}")
        return None

    def ask_which(self, turn: Turn) -> None:
        """*Turn off several…*: the items of the digest as checkboxes."""
        self._ask_which(turn, submissions.value(turn.body))

    def turn_off_several(self, turn: Turn) -> Mapping[str, object] | None:
        """The ticked ones are turned off; the digest shows it item by item."""
        keys = submissions.ticked_keys(turn.body)
        if not keys:
            note(Incomplete(nothing=True), turn)
            return _error(ids.REMINDER_TICKS, Incomplete.NOTHING)
        delivery = submissions.carried_press(turn.body).delivery
        turn.later(lambda later: self._off(later, delivery, keys))
        return None

    def show_all(self, turn: Turn) -> None:
        """*Show all*: what a message only counted."""
        turn.answer(self._rest(turn, Paging(page=1, filters=submissions.value(turn.body))))

    def other_rest_page(self, turn: Turn) -> None:
        """Another page of that, in place."""
        turn.answer(self._rest(turn, paging.read(payloads.pressed(turn.body))), replace=True)

    def _rest(self, turn: Turn, wanted: Paging) -> Content:
        page = self._reminding.rest(wanted.filters, page=wanted.page)
        return settling.rest(self._services.discretion.seen_by(turn.user, page))

    def _pressed(self, act: Callable[[Turn, Press], None]) -> Callable[[Turn], None]:
        return lambda turn: act(turn, submissions.press(turn.body))

    def _ask_first(self, turn: Turn, press: Press) -> None:
        """A menu cannot ask before it acts, so a window does."""
        self._ask_which(turn, press.delivery, only=press.keys)

    def _ask_which(
        self, turn: Turn, delivery: str, *, only: Sequence[SubscriptionKey] = ()
    ) -> None:
        message = self._services.discretion.seen_by(turn.user, self._reminding.message(delivery))
        view = settling.several(message, delivery, only=only, by_request=self._off_by_request)
        if view is None:
            raise NoLongerDue
        turn.open(view)

    def _turn_off(self, turn: Turn, press: Press) -> None:
        if self._off_by_request:
            self._renewing.check(press.keys, by=turn.user, reminder=press.delivery)
            turn.answer(self._switches.request_off(turn, press.keys))
            return
        self._off(turn, press.delivery, press.keys)

    def _turn_on(self, turn: Turn, press: Press) -> None:
        """*Turn on again…*: the facts of turning it on, in a window."""
        self._switches.open(turn, [str(key) for key in press.keys], Change.RENEWAL_ON)

    @property
    def _off_by_request(self) -> bool:
        return self._services.switching.needs_request(Change.RENEWAL_OFF)

    def _off(self, turn: Turn, delivery: str, keys: Sequence[SubscriptionKey]) -> None:
        """The message becomes *turning it off…*, then what was read back; all by the outbox.

        Where it needs approval, that a request waits.
        """
        if self._off_by_request:
            self._renewing.check(keys, by=turn.user, reminder=delivery)
            self._switches.request_off(turn, keys)
            return
        self._renewing.turn_off(keys, by=turn.user, reminder=delivery)

    def _unsubscribe(self, turn: Turn, press: Press) -> None:
        refs = tuple(str(key) for key in press.keys)
        self._asking.answer(turn, Carried.fresh(refs, channel=turn.channel))

    def _keep(self, turn: Turn, press: Press) -> None:
        self._reminding.keep(press.delivery, press.keys, by=turn.user)

    def _undo_keep(self, turn: Turn, press: Press) -> None:
        self._reminding.undo_keep(press.delivery, press.keys, by=turn.user)

    def _snooze(self, turn: Turn, press: Press) -> None:
        """Opens the modal; who may not is told before choosing."""
        options = self._reminding.snooze_options(press.delivery, press.keys)
        for subscription in options.subscriptions:
            self._services.people.demand(
                turn.user, Action.SETTLE_REMINDER, subscription=subscription
            )
        turn.open(settling.snooze(options, submissions.carry(press)))

    def _show(self, turn: Turn, press: Press) -> None:
        zone = self._services.people.zone(turn.user)
        for key in press.keys:
            facts = self._services.listing.show(str(key))
            facts = self._services.discretion.seen_by(turn.user, facts)
            turn.answer(showing.shown(facts, zone=zone))

    def _open_request(self, turn: Turn, press: Press) -> None:
        message = self._reminding.message(press.delivery)
        for item in message.items:
            if item.subscription.key in press.keys and item.request_number is not None:
                request = self._services.unsubscribing.get(item.request_number)
                request = self._services.discretion.request(turn.user, request)
                link = self._services.unsubscribing.link(request.number)
                turn.answer(looking.request(Linked(request=request, link=link)))


def _error(block_id: str, sentence: str) -> Mapping[str, object]:
    return {"response_action": "errors", "errors": {block_id: sentence}}
