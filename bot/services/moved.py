"""Moved reminders: where one should have gone that its destination would not take, and why."""

from collections.abc import Mapping

from bot.billing.subscription import SlackChannel

REASONS: Mapping[str, str] = {
    "is_archived": "the channel is archived",
    "channel_not_found": "Lapse does not see the channel",
    "not_in_channel": "Lapse is not in the channel",
    "restricted_action": "only some people may post there",
    "account_inactive": "Slack does not accept the token",
    "invalid_auth": "Slack does not accept the token",
    "token_revoked": "Slack does not accept the token",
}
_REFUSED = " does not take it: "


def moved_because(destination: str, error: str) -> str:
    """The reason that a row bears which had to move."""
    return f"{destination}{_REFUSED}{error}"


def moved_from(reason: str) -> tuple[SlackChannel, str] | None:
    """The channel that would not take a reminder and why, of the reason on the row that moved."""
    channel, refused, error = reason.partition(_REFUSED)
    return (SlackChannel(channel), REASONS.get(error, error)) if refused else None
