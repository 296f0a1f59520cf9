"""Looking: help, the list, one subscription, the deductions ahead, one's requests, health."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.billing.reminder import Schedule
from bot.billing.unsubscription import Request
from handlers import ids, messenger, paging, payloads
from handlers.blocks import discreet, history, looking, showing, subscriptions, upcoming
from handlers.blocks.looking import Around, Linked
from handlers.blocks.pieces import Content
from handlers.paging import Paging
from handlers.services import Services
from handlers.turns import Turn, Turns

Word = Callable[[Turn, str], None]

COMMAND = "/lapse"
FIRST = "1 "
NOT_YET: Mapping[str, tuple[str, str]] = {
    "remind": (
        "Setting reminders for a channel",
        "an operator routes them in lapse.toml",
    ),
}


class Subscriptions:
    """`/lapse` and every way to look at what is subscribed; all answers are private."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._words: dict[str, Word] = {
            "": self.help,
            "help": self.help,
            "list": self.list,
            "show": self.show,
            "upcoming": self.upcoming,
            "requests": self.requests,
            "status": self.status,
            "remind": lambda turn, _: turn.answer(_not_yet("remind")),
        }

    def also(self, words: Mapping[str, Word]) -> None:
        """Words after `/lapse` that other conversations answer."""
        self._words.update(words)

    def register(self, turns: Turns) -> None:
        """Bind the command, the buttons and the menu."""
        turns.command(COMMAND, self.command)
        turns.action(ids.HELP, lambda turn: self.help(turn, ""))
        turns.action(ids.MY_REQUESTS, lambda turn: self.requests(turn, ""))
        turns.action(ids.STATUS, lambda turn: self.status(turn, ""))
        turns.action(ids.LIST, self.open_list)
        for action_id in (ids.LIST_PAGE, ids.LIST_PREVIOUS, ids.LIST_SEARCH, ids.LIST_CLEAR):
            turns.action(action_id, self.other_page)
        for action_id in (ids.OPEN_SUBSCRIPTION, ids.SHOW):
            turns.action(action_id, self.open_subscription)
        turns.action(ids.HISTORY, self.open_history)
        turns.action(ids.UPCOMING, self.open_upcoming)
        for action_id in ids.UPCOMING_SPANS:
            turns.action(action_id, self.other_span)
        turns.action(ids.OPEN_REQUEST, self.open_request)
        turns.action(ids.SHOW_FIGURES, self.show_figures)

    def command(self, turn: Turn) -> None:
        """`/lapse` and a word; one that is none gets help and the nearest."""
        typed = payloads.command(turn.body)
        self._words.get(typed.word, self.unknown(typed.word))(turn, typed.rest)

    def unknown(self, word: str) -> Word:
        """The answer to a word that is no command."""

        def answer(turn: Turn, _: str) -> None:
            nearest = payloads.nearest_command(word)
            turn.answer(looking.help_(self._around(turn), unknown=word, nearest=nearest))

        return answer

    def help(self, turn: Turn, _: str) -> None:
        """What Lapse can do."""
        turn.answer(looking.help_(self._around(turn)))

    def list(self, turn: Turn, filters: str) -> None:
        """The first page of what the filters let through."""
        turn.answer(self._page(turn, Paging(page=1, filters=filters)))

    def open_list(self, turn: Turn) -> None:
        """A button that opens a list beside what is there."""
        turn.answer(self._page(turn, paging.read(payloads.pressed(turn.body))))

    def other_page(self, turn: Turn) -> None:
        """Paging and filters replace the list."""
        page = self._page(turn, paging.read(payloads.pressed(turn.body)))
        turn.answer(page, replace=True)

    def show(self, turn: Turn, typed: str) -> None:
        """One subscription with its ways out."""
        turn.answer(self._shown(turn, payloads.reference(typed)))

    def open_subscription(self, turn: Turn) -> None:
        """The same from a button or a menu."""
        turn.answer(self._shown(turn, payloads.pressed(turn.body)))

    def open_history(self, turn: Turn) -> None:
        """Who did what with it, newest first, in a modal."""
        ref = payloads.pressed(turn.body)
        turn.open(history.history(ref, self._services.listing.history(ref)))

    def upcoming(self, turn: Turn, typed: str) -> None:
        """The deductions ahead."""
        turn.answer(self._upcoming(turn, typed))
        self._services.touring.saw()

    def open_upcoming(self, turn: Turn) -> None:
        """The same from a button."""
        self.upcoming(turn, payloads.pressed(turn.body))

    def other_span(self, turn: Turn) -> None:
        """Fewer or more days, in place."""
        turn.answer(self._upcoming(turn, payloads.pressed(turn.body)), replace=True)

    def requests(self, turn: Turn, _: str) -> None:
        """Those that wait for the person, and the person's own."""
        asking = self._services.unsubscribing
        waiting = self._linked(asking.waiting_for(turn.user))
        turn.answer(looking.requests(waiting, self._linked(asking.mine(turn.user))))

    def open_request(self, turn: Turn) -> None:
        """The way to a request's message."""
        request = self._services.unsubscribing.get(payloads.number(turn.body))
        request = self._services.discretion.request(turn.user, request)
        turn.answer(looking.request(self._linked([request])[0]))

    def show_figures(self, turn: Turn) -> None:
        """The message below which it was pressed, with what is hidden from its channel."""
        pressed = payloads.pressed(turn.body)
        message = self._services.discretion.figures(pressed, by=turn.user)
        turn.answer(discreet.with_figures(messenger.content(message)))

    def status(self, turn: Turn, _: str) -> None:
        """How reading, reminding and delivering are doing."""
        turn.answer(looking.status(self._services.status.status()))

    def _page(self, turn: Turn, wanted: Paging) -> Content:
        now = self._services.clock.now()
        query = payloads.list_query(wanted.filters, user=turn.user, now=now)
        to = replace(query, page=wanted.page, after=wanted.after, before=wanted.before)
        page = self._services.listing.page(to)
        page = self._services.discretion.seen_by(turn.user, page)
        if page.rows:
            return subscriptions.page(page, filters=wanted.filters)
        if not wanted.filters:
            return subscriptions.empty_catalogue()
        return subscriptions.nothing_found(wanted.filters, self._services.listing.nearest(query))

    def _shown(self, turn: Turn, ref: str) -> Content:
        facts = self._services.discretion.seen_by(turn.user, self._services.listing.show(ref))
        return showing.shown(facts, zone=self._services.people.zone(turn.user))

    def _upcoming(self, turn: Turn, typed: str) -> Content:
        ahead = self._services.listing.upcoming(payloads.span(typed))
        return upcoming.upcoming(self._services.discretion.seen_by(turn.user, ahead))

    def _linked(self, requests: Sequence[Request]) -> Sequence[Linked]:
        link = self._services.unsubscribing.link
        return [Linked(request=each, link=link(each.number)) for each in requests[: looking.SHOWN]]

    def _around(self, turn: Turn) -> Around:
        policy = self._services.policy
        route = next((each for each in policy.routes if each.channel == turn.channel), None)
        schedule = policy.schedule
        if route is not None and route.lead_days is not None:
            schedule = Schedule(lead_days=route.lead_days, at=schedule.at, zone=schedule.zone)
        return Around(
            approvals_channel=policy.approvals_channel,
            reminders_channel=policy.reminders_channel,
            schedule=schedule,
            here=route is not None or turn.channel == policy.reminders_channel,
        )


def _not_yet(word: str) -> Content:
    what, instead = NOT_YET[word]
    return looking.not_yet(what, instead=instead)
