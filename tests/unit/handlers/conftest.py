"""The stage on which listeners are tried."""

import pytest
from slack_bolt import App

from bot.billing.rights import Action
from bot.billing.subscription import SlackUser
from handlers import leftover
from handlers.autorenew import AutoRenew
from handlers.checklists import Checklists
from handlers.delegations import Delegations
from handlers.home import Home
from handlers.reminders import Reminders
from handlers.savings import Savings
from handlers.subscriptions import Subscriptions
from handlers.turns import Turns
from tests.unit.handlers.fakes import Fakes
from tests.unit.handlers.stage import Inline, RecordingClient, Stage, staged


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def client() -> RecordingClient:
    return RecordingClient()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, fakes: Fakes, client: RecordingClient) -> Stage:
    """The looking conversations over fakes."""

    def bind(app: App) -> None:
        services = fakes.services()

        def admit(user: SlackUser) -> None:
            services.people.demand(user, Action.LOOK)

        home = Home(services)
        turns = Turns(
            app,
            Inline(),
            seen=services.seen,
            admit=admit,
            changed=home.refresh,
            refused=services.refused,
        )
        looking, renewing, reminders, delegations, savings = (
            Subscriptions(services),
            AutoRenew(services),
            Reminders(services),
            Delegations(services),
            Savings(services),
        )
        for each in (renewing, reminders, delegations, savings):
            looking.also(each.commands)
        checklists = Checklists(services)
        shown = (looking, renewing, reminders, delegations, savings, checklists, home)
        for conversation in shown:
            conversation.register(turns)
        leftover.register(app, turns)

    return staged(monkeypatch, bind, client)
