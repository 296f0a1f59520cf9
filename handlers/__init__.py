"""Everything that speaks Slack: `register` binds all of it to one Bolt app."""

import logging

from slack_bolt import App, BoltResponse, Respond

from bot.billing.rights import Action
from bot.billing.subscription import SlackUser
from handlers import errors, leftover
from handlers.autorenew import AutoRenew
from handlers.checklists import Checklists
from handlers.correlation import new_code
from handlers.delegations import Delegations
from handlers.home import Home
from handlers.reminders import Reminders
from handlers.requests import Requests
from handlers.savings import Savings
from handlers.services import Services
from handlers.subscriptions import Subscriptions
from handlers.tour import Tours
from handlers.turns import Threads, Turns, Work
from handlers.unsubscribe import Unsubscribe

__all__ = ["Services", "Threads", "Work", "register"]

log = logging.getLogger(__name__)


def register(app: App, services: Services, *, work: Work) -> None:
    """Bind every listener; what comes after an acknowledgement runs on `work`."""

    def admit(user: SlackUser) -> None:
        services.people.demand(user, Action.LOOK)

    home = Home(services)
    turns = Turns(
        app,
        work,
        seen=services.seen,
        admit=admit,
        changed=home.refresh,
        refused=services.refused,
    )
    looking = Subscriptions(services)
    asking, renewing, reminders = Unsubscribe(services), AutoRenew(services), Reminders(services)
    delegations, savings = Delegations(services), Savings(services)
    for each in (asking, renewing, reminders, delegations, savings):
        looking.also(each.commands)
    conversations = (
        looking,
        asking,
        renewing,
        Requests(services),
        Checklists(services),
        delegations,
        savings,
        reminders,
        home,
        Tours(services),
    )
    for conversation in conversations:
        conversation.register(turns)
    leftover.register(app, turns)
    app.error(_failed)


def _failed(error: Exception, respond: Respond) -> BoltResponse:
    """Something failed outside of any turn: it is logged, acknowledged and answered."""
    code = new_code()
    log.error("slack.failed", extra={"code": code}, exc_info=error)
    if respond.response_url:
        shown = errors.surprise(code)
        respond(text=shown.text, blocks=shown.blocks, replace_original=False)
    return BoltResponse(status=200, body="")
