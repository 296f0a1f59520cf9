"""The wiring: the only module that knows every part. Reading it is reading the architecture."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from pydantic import SecretStr
from slack_bolt import App

import handlers
from bot.clock import MachineClock
from bot.config import Secrets, Settings, WrongSetting
from bot.config.policy import limits_of
from bot.core import Core, replica
from bot.scheduler import Scheduler, Tick
from bot.services.composing import Composing
from bot.services.delegating import Delegating
from bot.services.delivering import CALLED_WITHIN, Delivering
from bot.services.discretion import Discretion
from bot.services.executing import Executing
from bot.services.filing import Filing
from bot.services.homing import Homing
from bot.services.keeping_approvers import KeepingApprovers
from bot.services.keeping_groups import KeepingGroups
from bot.services.keeping_time import KeepingTime
from bot.services.linking import Linking
from bot.services.pacing import Pacing
from bot.services.people import People, in_force_now
from bot.services.reminding import Reminding
from bot.services.renewing import Renewing
from bot.services.rerouting import Rerouting
from bot.services.reviewing import Reviewing
from bot.services.status import Status
from bot.services.steadiness import Steadiness
from bot.services.sweeping import Sweeping
from bot.services.switching import Switching
from bot.services.touring import Touring
from bot.services.unsubscribing import Unsubscribing
from bot.services.vouching import Vouching
from bot.web import WebServer, web_app
from handlers.client import SlackClient
from handlers.connection import SlackSocket, demand_slack
from handlers.directory import SlackDirectory
from handlers.endpoint import slack_endpoint
from handlers.health import slack_trouble
from handlers.messenger import SlackMessenger
from handlers.services import Services
from handlers.turns import Threads
from handlers.webhook import OperatorsWebhook
from storage.errors import StorageError

SECOND = timedelta(seconds=1)

SENDERS = ("send", "send beside")
"""The ticks that send; they share the work by its claims, as replicas do.

A post takes Slack some 200 ms, so that one alone would not quite use up what a minute allows.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A running Lapse: listeners, ticks, and the HTTP side."""

    app: App
    services: Services
    scheduler: Scheduler
    web: WebServer
    socket: SlackSocket | None
    work: Threads
    senders: Sequence[Delivering]

    @property
    def url(self) -> str:
        """Where health is served, and Slack's endpoint over HTTP."""
        return self.web.url

    def start(self) -> None:
        """Listen and tick; returns at once. Raises SlackAway."""
        demand_slack(self.app.client)
        self.senders[0].let_in()
        self.listen()
        self.scheduler.start()

    def listen(self) -> None:
        """Answer people, and leave the ticks to whoever calls them."""
        for each in self.senders:
            each.watch()
        self.web.start()
        if self.socket is not None:
            self.socket.open()

    def stop(self) -> None:
        """Finish what was begun, then let go; what is owed is in the database."""
        if self.socket is not None:
            self.socket.close()
        for each in self.senders:
            each.stop()
        self.scheduler.stop()
        self.work.close()
        self.web.stop()


def build_bot(core: Core, *, role: str) -> Bot:
    """Join the parts that speak to people; raises WrongSetting when a token or channel is missing.

    `web` answers people and posts nothing by itself, `worker` does what the ticks find, `all` both.
    """
    demand_complete(core.settings, core.secrets, role=role)
    http = core.secrets.lapse_transport == "http"
    listens = role != "worker"
    client = slack_client(core.secrets)
    directory = SlackDirectory(client, monotonic=monotonic)
    people = People(
        directory=directory,
        policy=core.policy,
        in_force=partial(in_force_now, core.store, core.clock),
    )
    messenger = SlackMessenger(client)
    reminding = Reminding(store=core.store, clock=core.clock, policy=core.policy, people=people)
    pacing = Pacing(limits_of(core.settings))
    linking = Linking(store=core.store, clock=core.clock, messenger=messenger, pacing=pacing)
    composing = Composing(
        links=linking,
        announcing=reminding.announcing,
        discreet=not core.policy.amounts_for_everyone,
        breakable=bool(core.policy.break_glass),
        reviewing=Reviewing(store=core.store, policy=core.policy),
        policy=core.policy,
        zone_of=people.zone,
    )
    services = _services(core, people, linking, reminding, composing)
    work = Threads()
    app = App(
        client=client,
        logger=logging.getLogger("slack_bolt"),  # else each of Bolt's own takes the root's level
        signing_secret=_secret(core.secrets, "slack_signing_secret") if http and listens else None,
        process_before_response=True,  # acknowledge at once; work goes to threads of its own
        token_verification_enabled=False,
    )
    handlers.register(app, services, work=work)
    steady_since = Steadiness(
        clock=core.clock, database=core.database.clock().unmoved, elapsed=monotonic
    ).since
    senders = tuple(
        _delivering(core, people, messenger, composing, pacing, steady_since) for _ in SENDERS
    )
    sweeping = Sweeping(
        store=core.store,
        clock=core.clock,
        messenger=messenger,
        pacing=pacing,
        steady_since=steady_since,
        operators=people.alarmed,
    )
    ticks = _ticks(core, services, senders, sweeping, steady_since)
    scheduler = Scheduler(ticks if role != "web" else ())
    health = partial(_health, core, client, scheduler)
    endpoint = (
        slack_endpoint(
            app,
            signing_secret=_secret(core.secrets, "slack_signing_secret"),
            answering=work.held_back,
        )
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
        socket=SlackSocket(app, app_token=_secret(core.secrets, "slack_app_token"))
        if listens and not http
        else None,
        work=work,
        senders=senders,
    )


def slack_client(secrets: Secrets) -> SlackClient:
    """The Web API, never repeating by itself: a post whose answer was lost is looked for first."""
    return SlackClient(
        _secret(secrets, "slack_bot_token"),
        base_url=secrets.slack_api_url,
        within=CALLED_WITHIN,
    )


def _services(
    core: Core,
    people: People,
    linking: Linking,
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
            store=store, clock=clock, policy=policy, people=people, links=linking
        ),
        vouching=Vouching(store=store, clock=clock, policy=policy, people=people),
        delegating=Delegating(store=store, clock=clock, policy=policy, people=people),
        attesting=core.attesting,
        switching=Switching(store=store, clock=clock, policy=policy, people=people),
        renewing=Renewing(
            store=store, clock=clock, policy=policy, people=people, providers=core.providers
        ),
        reminding=reminding,
        saving=core.saving,
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
        refused=Filing(store=store, clock=clock).refused,
    )


def _delivering(
    core: Core,
    people: People,
    messenger: SlackMessenger,
    composing: Composing,
    pacing: Pacing,
    steady_since: Callable[[], datetime],
) -> Delivering:
    store, clock, policy = core.store, core.clock, core.policy
    webhook = core.settings.operators.webhook
    return Delivering(
        store=store,
        clock=clock,
        messenger=messenger,
        composing=composing,
        rerouting=Rerouting(
            store=store,
            clock=clock,
            policy=policy,
            people=people,
            outcry=OperatorsWebhook(webhook).say if webhook else None,
        ),
        pacing=pacing,
        elapsed=monotonic,
        steady_since=steady_since,
    )


def _ticks(
    core: Core,
    services: Services,
    senders: Sequence[Delivering],
    sweeping: Sweeping,
    steady_since: Callable[[], datetime],
) -> Sequence[Tick]:
    """What happens by itself: send and execute every second, the rest as needed."""
    store, clock, policy = core.store, core.clock, core.policy
    reminding = services.reminding
    keeping_time = KeepingTime(
        store=store,
        clock=clock,
        replica=replica(),
        machine=MachineClock().now,
        database=core.database.clock().unmoved,
        operators=services.people.alarmed,
    )
    keeping_groups = KeepingGroups(
        store=store,
        clock=clock,
        people=services.people,
        operators=services.people.alarmed,
    )
    keeping_approvers = KeepingApprovers(
        store=store,
        clock=clock,
        policy=policy,
        people=services.people,
        operators=services.people.alarmed,
    )
    executing = Executing(
        store=store,
        clock=clock,
        policy=policy,
        people=services.people,
        providers=core.providers,
        steady_since=steady_since,
    )
    return (
        Tick(name="sync", every=SECOND, run=core.syncing.tick),
        Tick(name="arm", every=5 * SECOND, run=reminding.arm),
        Tick(
            name="bundle",
            every=SECOND,
            run=reminding.bundle_due,
            again=reminding.due_in,
            wakes=SENDERS,
        ),
        Tick(name="execute", every=SECOND, run=executing.run_due, wakes=SENDERS[:1]),
        Tick(name="tour", every=SECOND, run=services.touring.tick),
        *(
            Tick(name=name, every=SECOND, run=each.send_due, again=each.next_in)
            for name, each in zip(SENDERS, senders, strict=True)
        ),
        Tick(name="sweep", every=10 * SECOND, run=sweeping.sweep_due),
        Tick(name="clocks", every=60 * SECOND, run=keeping_time.tick),
        Tick(name="groups", every=60 * SECOND, run=keeping_groups.tick),
        Tick(name="approvers", every=60 * SECOND, run=keeping_approvers.tick),
        Tick(name="tidy", every=60 * SECOND, run=core.importing.tidy),
    )


def _health(core: Core, client: SlackClient, scheduler: Scheduler) -> Mapping[str, str]:
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


def demand_complete(settings: Settings, secrets: Secrets, *, role: str) -> None:
    """Raise WrongSetting when something is missing without which a role cannot begin."""
    _secret(secrets, "slack_bot_token")
    if role != "worker":
        http = secrets.lapse_transport == "http"
        _secret(secrets, "slack_signing_secret" if http else "slack_app_token")
    for name in ("approvals_channel", "reminders_channel"):
        if getattr(settings.slack, name) is None:
            raise WrongSetting(
                f"`slack.{name}` is not set. Name a channel's id, for example C0FINOPS."
            )
