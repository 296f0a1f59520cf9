"""App Home: published when it is opened, and again after a press changed something."""

from bot.billing.rights import Action
from bot.billing.subscription import SlackUser
from bot.services.errors import GuestRefused
from handlers import ids, payloads
from handlers.blocks import home
from handlers.services import Services
from handlers.turns import Turn, Turns

OPENED = "app_home_opened"
TAB = "home"
REMEMBERED = 1000


class Home:
    """Everybody's own first page; it opens for people whom nobody knows, too."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._opened: dict[SlackUser, None] = {}

    def register(self, turns: Turns) -> None:
        """Bind the event and the button of the setup."""
        turns.event(OPENED, self.open, otherwise=self.unavailable)
        turns.action(ids.CHECK_AGAIN, self.publish)

    def open(self, turn: Turn) -> None:
        """Somebody opened a tab; only the Home is drawn by Lapse."""
        if payloads.tab(turn.body) == TAB:
            self._remember(turn.user)
            self.publish(turn)

    def refresh(self, turn: Turn) -> None:
        """Draw it again for somebody who may be looking at it; Slack tells of every opening."""
        if turn.user in self._opened:
            self.publish(turn)

    def publish(self, turn: Turn) -> None:
        """Draw the person's Home with what is true now; of somebody's who may not look, why."""
        try:
            self._services.people.demand(turn.user, Action.LOOK)
        except GuestRefused as refusal:
            why = home.closed(f"{refusal.sentence} {refusal.advice}")
            turn.client.views_publish(user_id=turn.user, view=why)
            return
        facts = self._services.homing.home(turn.user)
        numbers = {request.number for request in (*facts.waiting, *facts.my_requests)}
        link = self._services.unsubscribing.link
        links = {number: address for number in numbers if (address := link(number))}
        turn.client.views_publish(user_id=turn.user, view=home.home(facts, links))

    def unavailable(self, turn: Turn) -> None:
        """A Home that could not be drawn says so instead of staying empty."""
        turn.client.views_publish(user_id=turn.user, view=home.unavailable(turn.code))

    def _remember(self, user: SlackUser) -> None:
        self._opened.pop(user, None)
        self._opened[user] = None
        if len(self._opened) > REMEMBERED:
            self._opened.pop(next(iter(self._opened)))
