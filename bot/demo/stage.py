"""The bot of the practice workspace with the ledgers behind it, put up and taken down as one."""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from pydantic import SecretStr

from bot import app
from bot import core as shared
from bot.billing.renewal import CLOUD_ZONE
from bot.billing.subscription import AccountName, Kind, SlackChannel, Status, Subscription
from bot.config import Secrets
from bot.demo.catalogue import demo_catalogue
from bot.demo.workspace import FINOPS, TOUR_SUBJECTS, practice_settings
from bot.localslack.server import LocalSlack
from bot.ports.provider import Provider
from bot.providers.facts import CloudFacts
from bot.providers.faults import CloudFaults, FaultyProvider
from bot.providers.ledger import LedgerProvider
from bot.services.arming import Arming
from bot.services.rehearsing import Rehearsal
from bot.services.syncing import Syncing
from storage.migrate import migrate

DATABASE = "lapse.db"
LONGEST_MENU = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that acts: the bot, what moves its time, what lets its cloud fail."""

    core: shared.Core
    bot: app.Bot
    rehearsal: Rehearsal
    faults: CloudFaults
    facts: Mapping[str, CloudFacts]
    close: Callable[[], None]

    def subscriptions(self) -> Sequence[Subscription]:
        """The first hundred that a cloud still has, as menus list them; no contracts."""
        with self.core.store.reading() as tx:
            there = (each for each in tx.catalogue.all() if _at_a_cloud(each))
            return list(islice(there, LONGEST_MENU))


def open_core(data: Path) -> shared.Core:
    """The practice settings over the embedded database, migrated."""
    url = f"sqlite:///{data / DATABASE}"
    migrate(url)
    secrets = Secrets(lapse_database_url=url, lapse_http_port=0)
    return shared.open_core(practice_settings(), secrets, origin={"replica": shared.replica()})


def set_up(core: shared.Core, slack: LocalSlack) -> Stage:
    """Load the catalogue if it is new, start the bot, and owe the tour after what is due."""
    with ExitStack() as held:
        held.callback(core.database.dispose)
        faults = CloudFaults(store=core.store, clock=core.clock)
        core = replace(core, secrets=_connected(core.secrets, slack))
        core, facts = _rehearsed(core, faults)
        _load(core)
        core.record_settings()
        bot = app.build_bot(core, role="all")
        held.callback(bot.stop)
        with bot.scheduler.paused():
            bot.start()
            bot.scheduler.run_all()
            bot.scheduler.run_all()
            bot.services.touring.begin(subject_ids=TOUR_SUBJECTS, channel=SlackChannel(FINOPS))
        rehearsal = Rehearsal(
            store=core.store,
            clock=core.clock,
            reminding=bot.services.reminding,
            ticks=bot.scheduler.runs,
            quiet=bot.scheduler.paused,
        )
        closing = held.pop_all()
        return Stage(
            core=core,
            bot=bot,
            rehearsal=rehearsal,
            faults=faults,
            facts=facts,
            close=closing.close,
        )
    raise AssertionError


def _at_a_cloud(held: Subscription) -> bool:
    return held.kind is not Kind.SAAS and held.status is not Status.UNSUBSCRIBED


def _connected(secrets: Secrets, slack: LocalSlack) -> Secrets:
    return secrets.model_copy(
        update={
            "slack_bot_token": SecretStr(slack.bot_token),
            "slack_app_token": SecretStr(slack.app_token),
            "slack_api_url": slack.api_url,
        }
    )


def _rehearsed(
    core: shared.Core, faults: CloudFaults
) -> tuple[shared.Core, Mapping[str, CloudFacts]]:
    """Put every ledger behind a line that can fail, and give its facts a hand that changes them."""
    providers: dict[AccountName, Provider] = {}
    facts: dict[str, CloudFacts] = {}
    for name, ledger in core.providers.items():
        assert isinstance(ledger, LedgerProvider)  # noqa: S101 - the practice has no other
        account = core.store.accounts[name]
        providers[name] = FaultyProvider(provider=ledger, faults=faults, pause=time.sleep)
        facts[name] = CloudFacts(ledger=ledger, account=account, clock=core.clock)
    arming = Arming(store=core.store, clock=core.clock, policy=core.policy)
    syncing = Syncing(store=core.store, clock=core.clock, providers=providers, arming=arming)
    return replace(core, providers=providers, syncing=syncing), facts


def _load(core: shared.Core) -> None:
    with core.store.reading() as tx:
        known = next(tx.catalogue.all(), None)
    if known is None:
        today = core.clock.now().astimezone(CLOUD_ZONE).date()
        core.importing.run(io.BytesIO(demo_catalogue(today=today)), "demo.json", by="demo")
