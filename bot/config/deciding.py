"""The settings that decide something, as the record keeps them: plain values by key, no secret."""

from collections.abc import Mapping

from bot.config.sections import Settings

ACCOUNT = (
    "provider",
    "site",
    "rules",
    "deduction_days_before",
    "customer_tier",
    "five_day_returns_used",
    "fee_waiver",
    "cooling_off_minutes",
    "carried_out",
)
SLACK = (
    "approvals_channel",
    "reminders_channel",
    "routes",
    "when_unknown",
    "unknown_after_hours",
)


def deciding_settings(settings: Settings) -> Mapping[str, object]:
    """What people may, what is done to an account and who hears of it.

    Addresses are left out, since some of them are as good as a password, and so is how fast
    messages go.
    """
    slack = settings.slack.model_dump(mode="json", include=set(SLACK))
    told = {f"slack.{key}": value for key, value in slack.items()}
    for name in ("reminders", "approvals", "privacy"):
        section = getattr(settings, name).model_dump(mode="json")
        told |= {f"{name}.{key}": value for key, value in section.items()}
    told["operators.users"] = list(settings.operators.users)
    for name, account in settings.accounts.items():
        values = account.model_dump(mode="json", include=set(ACCOUNT))
        told |= {f"accounts.{name}.{key}": value for key, value in values.items()}
        told[f"accounts.{name}.execute"] = account.mode
    return told
