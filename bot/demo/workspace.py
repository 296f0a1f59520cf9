"""Who and what the practice workspace holds: people by role, channels, and the bot's settings."""

from bot.config import Settings
from bot.localslack.seed import Channel, Person, Seed
from handlers.manifest import manifest

OWNER, REQUESTER, OUTSIDER = "U0OWNER", "U0REQUESTER", "U0OUTSIDER"
APPROVERS = ("U0APPROVER1", "U0APPROVER2")
FINOPS, APPROVALS, SECURITY = "C0FINOPS", "C0APPROVALS", "C0SECURITY"
TOUR_SUBJECTS = (
    "staging/staging-quota",
    "staging/staging-screen",
    "staging/staging-orchestration",
)
ACCOUNTS = {"prod": "intl", "staging": "intl", "lab": "intl", "hk": "intl", "cn": "cn"}

PEOPLE = (
    Person(id=REQUESTER, handle="requester", name="Requester", role="asks", tz="Europe/Berlin"),
    Person(id=OWNER, handle="owner", name="Owner", role="gets reminders", tz="Asia/Shanghai"),
    Person(
        id=APPROVERS[0], handle="approver-1", name="Approver 1", role="decides", tz="Asia/Shanghai"
    ),
    Person(
        id=APPROVERS[1], handle="approver-2", name="Approver 2", role="decides", tz="Europe/London"
    ),
    Person(id=OUTSIDER, handle="outsider", name="Outsider", role="may look", tz="America/New_York"),
)
BOT = "U0LAPSE"
EVERYBODY = (*(person.id for person in PEOPLE), BOT)
CHANNELS = (
    Channel(
        id=FINOPS,
        name="finops",
        purpose="Reminders come here ahead of a deduction.",
        members=EVERYBODY,
    ),
    Channel(
        id=APPROVALS,
        name="approvals",
        purpose="Requests wait here for a decision.",
        members=EVERYBODY,
    ),
    Channel(
        id=SECURITY,
        name="security",
        purpose="Reminders of the security services.",
        members=EVERYBODY,
    ),
)


def practice_seed() -> Seed:
    """The workspace that the local Slack starts with."""
    return Seed(
        team_id="T0PRACTICE",
        team_name="Practice",
        team_domain="practice",
        app_id="A0LAPSE",
        bot_id="B0LAPSE",
        bot_user_id=BOT,
        people=PEOPLE,
        channels=CHANNELS,
        manifest=manifest(),
    )


def practice_settings() -> Settings:
    """The settings of the practice workspace, as a `lapse.toml` would say them."""
    accounts = {name: {"provider": "ledger", "site": site} for name, site in ACCOUNTS.items()}
    return Settings.model_validate(
        {
            "slack": {
                "approvals_channel": APPROVALS,
                "reminders_channel": FINOPS,
                "routes": [{"match": {"account": "hk"}, "channel": SECURITY}],
            },
            "approvals": {
                "approvers": list(APPROVERS),
                "rules": [{"min_amount": "10000", "currency": "USD", "required": 2}],
            },
            "operators": {"users": [APPROVERS[1]]},
            "accounts": accounts | {"contracts": {"provider": "ledger"}},
        }
    )
