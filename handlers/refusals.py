"""What Slack's errors mean for a message: try later, never here, or look before repeating."""

from collections.abc import Mapping
from http.client import HTTPException
from math import isnan

from slack_sdk.errors import SlackApiError, SlackClientError

from bot.ports.messenger import (
    Limited,
    LockedOut,
    NotPosted,
    Undeliverable,
    Unreachable,
    Unreadable,
    Unsettled,
)
from handlers.wire import NotSent

RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
PERHAPS_DONE = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)
LOCKED_OUT = frozenset(
    {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"}
)
CLOSED = frozenset(
    {
        "cannot_dm_bot",
        "channel_not_found",
        "ekm_access_denied",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "missing_scope",
        "no_permission",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "user_disabled",
        "user_not_found",
    }
)
"""The destination takes nothing from Lapse."""

REFUSED_HERE = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "block_mismatch",
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "markdown_text_conflict",
        "message_not_found",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "thread_not_found",
        "too_many_attachments",
    }
)
"""This message is not taken; another may be."""

WAIT_AT_LEAST, WAIT_AT_MOST = 1.0, 600.0
LATER = 30.0
"""Seconds until another attempt, where Slack names none."""

LOST = (OSError, HTTPException, ValueError, AttributeError, SlackClientError)
"""What slack_sdk lets through when no answer came, or one that is not Slack's JSON."""


def translated(error: SlackApiError) -> NotPosted | Undeliverable | Unsettled:
    """Say of a refusal whether it was posted, and whether this destination will ever take it."""
    code, status = code_of(error), _status(error)
    if not code.isidentifier():  # slack_sdk puts a sentence there when the body is not JSON
        code = ""
    if status == 429 or code in RATE_LIMITED:
        return Limited("ratelimited", retry_after=_retry_after(error))
    if status >= 500 or not code or code in PERHAPS_DONE:
        return Unsettled(code or f"http_{status}")
    if code in LOCKED_OUT:
        return LockedOut(code)
    if code in CLOSED | REFUSED_HERE:
        return Undeliverable(code, closed=code in CLOSED)
    return NotPosted(code, retry_after=LATER)


def lost(error: Exception) -> NotPosted | Unsettled:
    """No answer came: not posted for sure only where not a byte of the request was sent."""
    if isinstance(error, NotSent):
        return Unreachable(error.why, retry_after=WAIT_AT_LEAST)
    return Unsettled(code_of(error))


def repeatable(error: Exception) -> NotPosted | Undeliverable:
    """For what may be done twice without harm: an open outcome is simply tried again."""
    if isinstance(error, NotPosted | Undeliverable):
        return error
    return Unreachable(str(error), retry_after=WAIT_AT_LEAST)


def unread(error: Exception) -> Unsettled:
    """A conversation could not be read: not now, not so often, or not by Lapse."""
    found = translated(error) if isinstance(error, SlackApiError) else lost(error)
    if isinstance(found, Limited):
        return Unsettled(code_of(error), retry_after=found.retry_after)
    refuses = not isinstance(found, LockedOut | Unreachable | Unsettled)
    return Unreadable(found.error) if refuses else Unsettled(code_of(error))


def code_of(error: Exception) -> str:
    """Slack's own word for what it refused, or the name of what went wrong before it answered."""
    if isinstance(error, NotSent):
        return error.why
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    data = getattr(error.response, "data", error.response)
    return str(data.get("error", "")) if isinstance(data, Mapping) else ""


def _status(error: SlackApiError) -> int:
    if isinstance(error.response, Mapping):
        return int(error.response.get("status", 0))
    return int(getattr(error.response, "status_code", 0))


def _retry_after(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", None) or {}
    named = {str(name).lower(): value for name, value in headers.items()}.get("retry-after", "")
    value = named[0] if isinstance(named, list) and named else named
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return LATER
    return LATER if isnan(seconds) else min(max(seconds, WAIT_AT_LEAST), WAIT_AT_MOST)
