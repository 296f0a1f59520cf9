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
        looking, renewing, reminders, delegations = (
            Subscriptions(services),
            AutoRenew(services),
            Reminders(services),
            Delegations(services),
        )
        looking.also({**renewing.commands, **reminders.commands, **delegations.commands})
        checklists = Checklists(services)
        for conversation in (looking, renewing, reminders, delegations, checklists, home):
            conversation.register(turns)
        leftover.register(app, turns)

    return staged(monkeypatch, bind, client)
