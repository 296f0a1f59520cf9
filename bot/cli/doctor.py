"""The examination behind `lapse doctor`: one finding for each part, whatever else fails."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from slack_sdk.errors import SlackClientError

from bot import app, core
from bot.cli.failures import failure_of
from bot.config import Secrets, Settings, load_secrets, load_settings
from bot.services.phrases import counted
from handlers.health import missing_scopes, slack_trouble
from handlers.manifest import bot_scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part: whether it is well, and in words."""

    part: str
    ok: bool
    text: str


def examine(environ: Mapping[str, str], *, directory: Path) -> tuple[Finding, ...]:
    """Look at settings, Slack, database, accounts and the last tick; changes nothing."""
    try:
        settings = load_settings(environ, directory=directory)
        secrets = load_secrets(environ)
    except Exception as error:  # noqa: BLE001 - a finding, whatever it is
        return (_failed("settings", error),)
    well = Finding(part="settings", ok=True, text=counted(len(settings.accounts), "account") + ".")
    return (well, *_channels(settings), *_slack(secrets), *_database(settings, secrets))


def _channels(settings: Settings) -> Iterator[Finding]:
    missing = [
        f"`slack.{name}`"
        for name in ("approvals_channel", "reminders_channel")
        if getattr(settings.slack, name) is None
    ]
    if missing:
        text = f"{' and '.join(missing)} not set. Name a channel's id."
        yield Finding(part="channels", ok=False, text=text)
    else:
        yield Finding(part="channels", ok=True, text="Requests and reminders have a channel.")
    if settings.approvals.approvers:
        count = len(settings.approvals.approvers)
        yield Finding(part="approvers", ok=True, text=f"{count} named.")
    else:
        text = "Nobody could approve. Add someone to `approvals.approvers`."
        yield Finding(part="approvers", ok=False, text=text)


def _slack(secrets: Secrets) -> Iterator[Finding]:
    if secrets.slack_bot_token is None:
        text = "`SLACK_BOT_TOKEN` is not set. Set it in the environment."
        yield Finding(part="slack", ok=False, text=text)
        return
    client = app.slack_client(secrets)
    trouble = slack_trouble(client)
    yield Finding(part="slack", ok=not trouble, text=trouble or "Slack accepts the token.")
    if trouble:
        return
    try:
        missing = missing_scopes(client, wanted=bot_scopes())
    except (SlackClientError, OSError) as error:
        yield _failed("scopes", error)
        return
    text = f"Missing: {', '.join(missing)}. Install the app again." if missing else "All granted."
    yield Finding(part="scopes", ok=not missing, text=text)


def _database(settings: Settings, secrets: Secrets) -> Iterator[Finding]:
    try:
        opened = core.open_core(settings, secrets)
    except Exception as error:  # noqa: BLE001 - a finding, whatever it is
        yield _failed("database", error)
        return
    with opened:
        yield Finding(part="database", ok=True, text=f"Answers, schema {opened.database.schema()}.")
        with opened.store.reading() as tx:
            readings = {name: tx.catalogue.read_at(name) for name in opened.store.accounts}
            armed = tx.notes.get("reminders/watch")
        for name, read_at in readings.items():
            known = opened.store.accounts[name].provider == "ledger" or name in opened.providers
            yield Finding(
                part=f"account {name}",
                ok=known,
                text=(f"Last read {read_at.isoformat()}." if read_at else "Not read yet.")
                if known
                else f"Its provider {opened.store.accounts[name].provider} is not there yet.",
            )
        when = str(armed["at"]) if armed else ""
        text = f"Last ran {when}." if when else "Has not run yet; start `lapse run`."
        yield Finding(part="scheduler", ok=True, text=text)


def _failed(part: str, error: Exception) -> Finding:
    return Finding(part=part, ok=False, text=str(failure_of(error)))
