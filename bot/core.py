"""What every command shares: settings, database, clock, and the use cases that need no Slack."""

import fcntl
import getpass
import os
import secrets as randomness
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from bot.billing.subscription import AccountName, SlackUser
from bot.config import Secrets, Settings, WrongSetting
from bot.config.deciding import deciding_settings
from bot.config.policy import accounts_of, policy_of
from bot.ports.clock import AdjustableClock
from bot.ports.messenger import Directory
from bot.ports.provider import Provider
from bot.ports.record import NOWHERE, Origin, Personal
from bot.providers.ledger import LedgerProvider
from bot.services.arming import Arming
from bot.services.attesting import Attesting
from bot.services.configuring import record_settings
from bot.services.importing import Importing
from bot.services.listing import Listing
from bot.services.people import People
from bot.services.planning import Planning
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.saving import Saving
from bot.services.syncing import Syncing
from storage.engine import Database, open_database, parse, sqlite_file
from storage.errors import DatabaseInUse, DatabaseNamedTwice
from storage.migrate import migrate
from storage.store import SqlStore

TEAM = "default"
"""The workspace of an installation without OAuth; many workspaces will each bring their own id."""

KEY_BYTES = 32


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

    def has_left(self, user: SlackUser) -> bool:  # noqa: ARG002
        """Nobody did."""
        return False

    def is_bot(self, user: SlackUser) -> bool:  # noqa: ARG002
        """Nobody is."""
        return False

    def group_members(self, group: str) -> Sequence[SlackUser] | None:  # noqa: ARG002
        """Not known here."""
        return None

    def unread_for(self, group: str) -> timedelta:  # noqa: ARG002
        """Nobody asks."""
        return timedelta(0)


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
        arming = Arming(store=self.store, clock=self.clock, policy=self.policy)
        return Importing(
            store=self.store, clock=self.clock, providers=self.providers, arming=arming
        )

    @property
    def attesting(self) -> Attesting:
        """The receipts of finished requests."""
        return Attesting(store=self.store)

    @property
    def saving(self) -> Saving:
        """What was saved so far."""
        return Saving(store=self.store, zone=self.zone)

    @property
    def planning(self) -> Planning:
        """The order and the figures, nothing executed."""
        return Planning(store=self.store, clock=self.clock)

    def reminding(self, directory: Directory) -> Reminding:
        """Reminders; the directory knows the readers' zones."""
        people = People(directory=directory, policy=self.policy)
        return Reminding(store=self.store, clock=self.clock, policy=self.policy, people=people)

    def record_settings(self) -> None:
        """Put into the record what those settings that decide something say now and did not."""
        told = deciding_settings(self.settings)
        record_settings(self.store, self.clock, told, by=host_user())

    @contextmanager
    def sole_runner(self) -> Iterator[None]:
        """Hold SQLite's file against a second `lapse run`; the lock dies with the process.

        It belongs to the file itself, whatever symbolic link or relative path leads to it. One
        that has a second name by a hard link is refused with DatabaseNamedTwice.
        """
        given = sqlite_file(parse(self.secrets.lapse_database_url))
        if given is None:
            yield
            return
        file = given.resolve()
        with file.with_name(file.name + ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DatabaseInUse(file.name) from None
            if file.stat().st_nlink > 1:
                raise DatabaseNamedTwice(file.name)
            yield


def host_user() -> Personal:
    """Who runs this process on this machine, by name where the machine knows one."""
    try:
        return Personal.id(getpass.getuser())
    except (KeyError, OSError):
        return Personal.id(str(os.getuid()))


def replica() -> str:
    """The name of this process among those that run on one database."""
    return f"{socket.gethostname()}/{os.getpid()}"


def open_core(
    settings: Settings,
    secrets: Secrets,
    *,
    clock: AdjustableClock | None = None,
    origin: Origin = NOWHERE,
) -> Core:
    """Open the database and join the use cases that need no Slack; raises StorageError.

    A test may bring its own clock; everybody else goes by the database's. `origin` is what the
    record says of what this process does by itself.
    """
    url = secrets.lapse_database_url
    file = sqlite_file(parse(url))
    if file is not None and not file.exists():
        migrate(url)
    database = open_database(url)
    clock = clock or database.clock()
    accounts = accounts_of(settings)
    store = database.store(
        team_id=TEAM, accounts=accounts, audit_key=_audit_key(secrets, file), origin=origin
    )
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
    """The given key; beside an embedded database one is made and kept, readable by its owner.

    It lies beside the file itself; one that an earlier Lapse kept beside a symbolic link is used.
    """
    if secrets.lapse_audit_key is not None:
        return secrets.lapse_audit_key.get_secret_value().encode()
    if file is None:
        raise WrongSetting("`LAPSE_AUDIT_KEY` is not set. Set it in the environment.")
    real = file.resolve()
    places = [each.with_name(each.name + ".audit-key") for each in (real, file)]
    kept = next((each for each in places if each.exists()), places[0])
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(randomness.token_hex(KEY_BYTES), "ascii")
    return kept.read_bytes()
