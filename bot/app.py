"""The wiring: the only module that knows every part. Reading it is reading the architecture."""

import fcntl
import secrets as randomness
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

import handlers
from bot.billing.account import Account, ExecuteMode, Site
from bot.billing.money import Money
from bot.billing.reminder import Schedule
from bot.billing.rulesets import UnknownRuleSet, rule_set
from bot.billing.subscription import AccountName, SlackChannel, SlackUser
from bot.config import AccountSection, Secrets, Settings, WrongSetting, reader_zone
from bot.ports.clock import AdjustableClock
from bot.ports.messenger import Directory
from bot.ports.provider import Provider
from bot.providers.ledger import LedgerProvider
from bot.scheduler import Scheduler, Tick
from bot.services.arming import Arming
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.discretion import Discretion
from bot.services.executing import Executing
from bot.services.homing import Homing
from bot.services.importing import Importing
from bot.services.listing import Listing
from bot.services.people import People
from bot.services.planning import Planning
from bot.services.policy import ApprovalRule, Policy, Route
from bot.services.reminding import Reminding
from bot.services.renewing import Renewing
from bot.services.rerouting import Rerouting
from bot.services.status import Status
from bot.services.syncing import Syncing
from bot.services.touring import Touring
from bot.services.unsubscribing import Unsubscribing
from bot.web import WebServer, web_app
from handlers.directory import SlackDirectory
from handlers.endpoint import slack_endpoint
from handlers.health import slack_trouble
from handlers.messenger import SlackMessenger
from handlers.services import Services
from handlers.turns import Threads
from storage.engine import Database, open_database, parse, sqlite_file
from storage.errors import DatabaseInUse, StorageError
from storage.migrate import migrate
from storage.store import SqlStore

TEAM = "default"
"""The workspace of an installation without OAuth; many workspaces will each bring their own id."""

SECOND = timedelta(seconds=1)
ATTEMPT_SECONDS = 10
KEY_BYTES = 32


def accounts_of(settings: Settings) -> Mapping[AccountName, Account]:
    """The accounts as the billing rules know them; raises WrongSetting for a foreign rule set."""
    accounts = {
        AccountName(name): _account(AccountName(name), section)
        for name, section in settings.accounts.items()
    }
    for account in accounts.values():
        try:
            rule_set(account)
        except UnknownRuleSet as error:
            raise WrongSetting(f"`accounts.{account.name}.rules`: {error}") from None
    return accounts


def _account(name: AccountName, section: AccountSection) -> Account:
    return Account(
        name=name,
        provider=section.provider,
        site=Site(section.site),
        rules=section.rules,
        execute=ExecuteMode(section.mode),
        deduction_days_before=section.deduction_days_before,
        customer_tier=section.customer_tier,
        five_day_returns_used=section.five_day_returns_used,
        fee_waiver=section.fee_waiver,
        cooling_off_minutes=section.cooling_off_minutes,
    )


def policy_of(settings: Settings) -> Policy:
    """The settings as use cases need them; without channels a bot cannot be started."""
    return Policy(
        approvals_channel=SlackChannel(settings.slack.approvals_channel or ""),
        reminders_channel=SlackChannel(settings.slack.reminders_channel or ""),
        schedule=Schedule(
            lead_days=settings.reminders.lead_days,
            at=time.fromisoformat(settings.reminders.at),
            zone=reader_zone(settings),
        ),
        routes=tuple(
            Route(
                channel=SlackChannel(route.channel),
                lead_days=route.lead_days,
                service=route.match.service,
                account=route.match.account,
                region=route.match.region,
                tag=route.match.tag,
            )
            for route in settings.slack.routes
        ),
        holidays=settings.reminders.holidays,
        approvers=settings.approvals.approvers,
        required=settings.approvals.required,
        rules=tuple(
            ApprovalRule(
                required=rule.required,
                account=rule.account,
                service=rule.service,
                min_amount=Money(rule.min_amount, rule.currency)
                if rule.min_amount is not None and rule.currency
                else None,
            )
            for rule in settings.approvals.rules
        ),
        expires_after_hours=settings.approvals.expires_after_hours,
        cooling_off_minutes=settings.approvals.cooling_off_minutes,
        operators=tuple(SlackUser(user) for user in settings.operators.users),
        amounts_for_everyone=settings.privacy.amounts == "everyone",
    )


class Nobody:
    """The Directory port of a process that does not speak to Slack."""

    def zone(self, user: SlackUser) -> ZoneInfo:  # noqa: ARG002 - the port's signature
        """UTC, since nobody is known."""
        return ZoneInfo("UTC")

    def is_admin(self, user: SlackUser) -> bool:  # noqa: ARG002
        """Nobody is."""
        return False

    def is_guest(self, user: SlackUser) -> bool:  # noqa: ARG002
        """Nobody is."""
        return False

    def group_members(self, group: str) -> Sequence[SlackUser]:  # noqa: ARG002
        """Not known here."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What every command shares: the database, the clock, and the use cases without Slack."""

    settings: Settings
    secrets: Secrets
    database: Database
    store: SqlStore
    clock: AdjustableClock
    policy: Policy
    providers: Mapping[AccountName, Provider]
    syncing: Syncing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.dispose()

    @property
    def zone(self) -> ZoneInfo:
        """The reader's zone."""
        return self.policy.schedule.zone

    @property
    def listing(self) -> Listing:
        """The catalogue as people ask for it."""
        return Listing(store=self.store, clock=self.clock, policy=self.policy)

    @property
    def importing(self) -> Importing:
        """Files into the catalogue."""
        return Importing(store=self.store, clock=self.clock, providers=self.providers)

    @property
    def planning(self) -> Planning:
        """The order and the figures, nothing executed."""
        return Planning(store=self.store, clock=self.clock)

    def reminding(self, directory: Directory) -> Reminding:
        """Reminders; the directory knows the readers' zones."""
        people = People(directory=directory, policy=self.policy)
        return Reminding(store=self.store, clock=self.clock, policy=self.policy, people=people)

    @contextmanager
    def sole_runner(self) -> Iterator[None]:
        """Hold SQLite's file against a second `lapse run`; the lock dies with the process."""
        file = sqlite_file(parse(self.secrets.lapse_database_url))
        if file is None:
            yield
            return
        with file.with_name(file.name + ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DatabaseInUse(file.name) from None
            yield


def open_core(
    settings: Settings, secrets: Secrets, *, clock: AdjustableClock | None = None
) -> Core:
    """Open the database and join the use cases that need no Slack; raises StorageError.

    A test may bring its own clock; everybody else goes by the database's.
    """
    url = secrets.lapse_database_url
    file = sqlite_file(parse(url))
    if file is not None and not file.exists():
        migrate(url)
    database = open_database(url)
    clock = clock or database.clock()
    accounts = accounts_of(settings)
    store = database.store(team_id=TEAM, accounts=accounts, audit_key=_audit_key(secrets, file))
    providers: dict[AccountName, Provider] = {
        name: LedgerProvider(store=store, account=account, clock=clock)
        for name, account in accounts.items()
        if account.provider == "ledger"
    }
    policy = policy_of(settings)
    return Core(
        settings=settings,
        secrets=secrets,
        database=database,
        store=store,
        clock=clock,
        policy=policy,
        providers=providers,
        syncing=Syncing(
            store=store,
            clock=clock,
            providers=providers,
            arming=Arming(store=store, clock=clock, policy=policy),
        ),
    )


def _audit_key(secrets: Secrets, file: Path | None) -> bytes:
    """The given key; beside an embedded database one is made and kept, readable by its owner."""
    if secrets.lapse_audit_key is not None:
        return secrets.lapse_audit_key.get_secret_value().encode()
    if file is None:
        raise WrongSetting("`LAPSE_AUDIT_KEY` is not set. Set it in the environment.")
    kept = file.with_name(file.name + ".audit-key")
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(randomness.token_hex(KEY_BYTES), "ascii")
    return kept.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A running Lapse: listeners, ticks, and the HTTP side."""

    app: App
    services: Services
    scheduler: Scheduler
    web: WebServer
    socket: SocketModeHandler | None
    work: Threads

    @property
    def url(self) -> str:
        """Where health is served, and Slack's endpoint over HTTP."""
        return self.web.url

    def start(self) -> None:
        """Listen and tick; returns at once."""
        self.listen()
        self.scheduler.start()

    def listen(self) -> None:
        """Answer people, and leave the ticks to whoever calls them."""
        self.web.start()
        if self.socket is not None:
            self.socket.connect()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """Finish what was begun, then let go; what is owed is in the database."""
        if self.socket is not None:
            self.socket.close()  # type: ignore[no-untyped-call]
        self.scheduler.stop()
        self.work.close()
        self.web.stop()


def build_bot(core: Core, *, role: str) -> Bot:
    """Join the parts that speak to people; raises WrongSetting when a channel or token is missing.

    `web` answers people and posts nothing by itself, `worker` does what the ticks find, `all` both.
    """
    _demand_channels(core.settings)
    http = core.secrets.lapse_transport == "http"
    listens = role != "worker"
    client = slack_client(core.secrets)
    directory = SlackDirectory(client, monotonic=monotonic)
    people = People(directory=directory, policy=core.policy)
    messenger = SlackMessenger(client)
    reminding = Reminding(store=core.store, clock=core.clock, policy=core.policy, people=people)
    composing = Composing(
        messenger=messenger,
        announcing=reminding.announcing,
        discreet=not core.policy.amounts_for_everyone,
    )
    services = _services(core, people, messenger, reminding, composing)
    work = Threads()
    app = App(
        client=client,
        signing_secret=_secret(core.secrets, "slack_signing_secret") if http else None,
        process_before_response=True,  # acknowledge at once; work goes to threads of its own
        token_verification_enabled=False,
    )
    handlers.register(app, services, work=work)
    scheduler = Scheduler(
        _ticks(core, services, people, messenger, composing) if role != "web" else ()
    )
    health = partial(_health, core, client, scheduler)
    endpoint = (
        slack_endpoint(app, signing_secret=_secret(core.secrets, "slack_signing_secret"))
        if http and listens
        else None
    )
    return Bot(
        app=app,
        services=services,
        scheduler=scheduler,
        web=WebServer(
            web_app(health=health, slack=endpoint),
            host=core.secrets.lapse_http_host,
            port=core.secrets.lapse_http_port,
        ),
        socket=SocketModeHandler(app, _secret(core.secrets, "slack_app_token"))
        if listens and not http
        else None,
        work=work,
    )


def slack_client(secrets: Secrets) -> WebClient:
    """The Web API, never repeating by itself: a post whose answer was lost is looked for first."""
    return WebClient(
        token=_secret(secrets, "slack_bot_token"),
        base_url=secrets.slack_api_url,
        timeout=ATTEMPT_SECONDS,
        retry_handlers=[],
    )


def _services(
    core: Core,
    people: People,
    messenger: SlackMessenger,
    reminding: Reminding,
    composing: Composing,
) -> Services:
    store, clock, policy = core.store, core.clock, core.policy

    def seen(event: str) -> bool:
        with store.transaction() as tx:
            return tx.notes.seen(event, at=clock.now())

    return Services(
        listing=core.listing,
        unsubscribing=Unsubscribing(
            store=store, clock=clock, policy=policy, people=people, messenger=messenger
        ),
        renewing=Renewing(
            store=store, clock=clock, policy=policy, people=people, providers=core.providers
        ),
        reminding=reminding,
        homing=Homing(store=store, clock=clock, policy=policy, people=people),
        discretion=Discretion(
            store=store,
            clock=clock,
            people=people,
            announcing=reminding.announcing,
            composing=composing,
        ),
        status=Status(store=store, clock=clock),
        touring=Touring(store=store, clock=clock, policy=policy),
        people=people,
        policy=policy,
        clock=clock,
        seen=seen,
    )


def _ticks(
    core: Core,
    services: Services,
    people: People,
    messenger: SlackMessenger,
    composing: Composing,
) -> Sequence[Tick]:
    """What happens by itself: send and execute every second, the rest as needed."""
    store, clock, policy = core.store, core.clock, core.policy
    reminding = services.reminding
    delivering = Delivering(
        store=store,
        clock=clock,
        messenger=messenger,
        composing=composing,
        rerouting=Rerouting(store=store, clock=clock, policy=policy, people=people),
    )
    executing = Executing(store=store, clock=clock, policy=policy, providers=core.providers)
    return (
        Tick(name="sync", every=SECOND, run=core.syncing.tick),
        Tick(name="arm", every=5 * SECOND, run=reminding.arm),
        Tick(name="bundle", every=SECOND, run=reminding.bundle_due),
        Tick(name="execute", every=SECOND, run=executing.run_due),
        Tick(name="tour", every=SECOND, run=services.touring.tick),
        Tick(name="send", every=SECOND, run=delivering.send_due),
    )


def _health(core: Core, client: WebClient, scheduler: Scheduler) -> Mapping[str, str]:
    """The parts of `/readyz`, each with its trouble or an empty text."""
    late = ", ".join(f"{name} {age:.0f} s ago" for name, age in scheduler.late().items())
    return {
        "database": _database_trouble(core),
        "slack": slack_trouble(client),
        "scheduler": f"Ticks are late: {late}." if late else "",
    }


def _database_trouble(core: Core) -> str:
    try:
        core.database.check_schema()
    except StorageError as error:
        return str(error)
    return ""


def _secret(secrets: Secrets, name: str) -> str:
    value: SecretStr | None = getattr(secrets, name)
    if value is None:
        raise WrongSetting(f"`{name.upper()}` is not set. Set it in the environment.")
    return value.get_secret_value()


def _demand_channels(settings: Settings) -> None:
    for name in ("approvals_channel", "reminders_channel"):
        if getattr(settings.slack, name) is None:
            raise WrongSetting(
                f"`slack.{name}` is not set. Name a channel's id, for example C0FINOPS."
            )
