"""The Messenger port, spoken in Slack: posts once, updates in place, finds what was posted."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import inf
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.facts.messages import (
    BrokenGlass,
    DelegationNote,
    Discreet,
    Message,
    OperatorWarning,
    Overdue,
    Receipt,
    ReceiptFile,
    ReminderLine,
    ReminderMessage,
    ReminderRest,
    RequestCard,
    RequesterNote,
    RequestLine,
    Tour,
)
from bot.ports.messenger import Limited, Posted, Unsettled
from handlers.attaching import attach, is_file_of
from handlers.blocks import (
    checklist,
    delegations,
    digests,
    discreet,
    glass,
    receipts,
    reminders,
    requester_notes,
    tour,
    warnings,
)
from handlers.blocks.pieces import MAY_REPEAT, Content, repeating
from handlers.client import SlackClient
from handlers.refusals import LOST, code_of, lost, repeatable, translated, unread

log = logging.getLogger(__name__)

PAGE = 200
BEGUN = 10_000
"""Looks that go on where they were interrupted: at a page a minute more than a week of them."""

CLIENT_MESSAGES = UUID("3a1b7a5e-0c52-5d52-8f0e-7d1f3e0f6a11")


def _discreet(message: Discreet) -> Content:
    return discreet.with_button(content(message.message), message.delivery_id)


_BUILDERS: Mapping[type[Message], Callable[[Any], Content]] = {
    RequestCard: checklist.card,
    RequestLine: receipts.request_line,
    Receipt: receipts.receipt,
    RequesterNote: requester_notes.requester_note,
    BrokenGlass: glass.broken,
    Overdue: checklist.overdue,
    DelegationNote: delegations.note,
    ReminderMessage: reminders.reminder,
    ReminderRest: digests.rest,
    ReminderLine: reminders.reminder_line,
    OperatorWarning: warnings.operator_warning,
    Tour: tour.tour,
    Discreet: _discreet,
}


def content(message: Message) -> Content:
    """How a message looks and reads."""
    return _BUILDERS[type(message)](message)


def metadata(
    message: Message, *, delivery_id: str, reminder_ids: Sequence[str]
) -> Mapping[str, object]:
    """What travels with a message: ids only, as contract section 6 spells them."""
    if isinstance(message, Discreet):
        message = message.message
    if not isinstance(message, ReminderMessage | ReminderRest):
        return {"event_type": "lapse_message", "event_payload": {"delivery_id": delivery_id}}
    payload: dict[str, object] = {"delivery_id": delivery_id, "reminder_ids": list(reminder_ids)}
    if isinstance(message, ReminderRest):
        payload |= {"reminder_ids": [], "batch_id": message.batch_id}
    return {"event_type": "lapse_reminder", "event_payload": payload}


class _Look(NamedTuple):
    """What is looked for, where, and between which instants.

    Until when names the attempt, or what a sweep was asked for: what lands later is no part of it.
    """

    delivery_id: str
    to: str
    since: datetime
    until: datetime
    thread: str | None


@dataclass(slots=True)
class _Read:
    """How far a look has come, and the timestamps that it found."""

    channel: str = ""
    cursor: str | None = None
    stamps: set[str] = field(default_factory=set)
    is_whole: bool = False


class SlackMessenger:
    """The Messenger port over one workspace's token."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self._mine: tuple[str, str] | None = None
        self._begun: dict[_Look, _Read] = {}
        self._lock = Lock()

    def post(
        self,
        message: Message,
        *,
        to: str,
        delivery_id: str,
        reminder_ids: Sequence[str] = (),
        thread: str | None = None,
        over_by: float = inf,
        may_repeat: bool = False,
    ) -> Posted:
        """Post once. Raises NotPosted, Undeliverable, or Unsettled when no clear answer came."""
        said = message.message if isinstance(message, Discreet) else message
        if isinstance(said, ReceiptFile):
            with self._client.over_by(over_by):
                return self._attach(
                    said, to=to, delivery_id=delivery_id, thread=thread, may_repeat=may_repeat
                )
        shown = repeating(content(message)) if may_repeat else content(message)
        known_by = metadata(message, delivery_id=delivery_id, reminder_ids=reminder_ids)
        try:
            with self._client.over_by(over_by):
                answer = self._client.chat_postMessage(
                    channel=to,
                    text=shown.text,
                    blocks=shown.blocks,
                    thread_ts=thread,
                    metadata=dict(known_by),
                    unfurl_links=False,
                    unfurl_media=False,
                    client_msg_id=str(uuid5(CLIENT_MESSAGES, delivery_id)),
                )
        except SlackApiError as error:
            raise translated(error) from error
        except LOST as error:
            raise lost(error) from error
        return _posted(answer)

    def _attach(
        self,
        message: ReceiptFile,
        *,
        to: str,
        delivery_id: str,
        thread: str | None,
        may_repeat: bool,
    ) -> Posted:
        """Slack shares a file after it has answered: what the thread does not show yet is open."""
        channel = self._conversation(to)
        comment = MAY_REPEAT if may_repeat else None
        attach(
            self._client,
            message,
            channel=channel,
            delivery_id=delivery_id,
            thread=thread,
            comment=comment,
        )
        try:
            shown = self._page({"channel": channel, "limit": PAGE}, thread)["messages"]
        except LOST as error:
            raise Unsettled("not shown yet") from error
        stamps = [each["ts"] for each in shown if self._is_delivery(each, delivery_id)]
        if not stamps:
            raise Unsettled("not shown yet")
        return Posted(channel, max(stamps, key=Decimal))

    def update(self, message: Message, *, at: Posted, over_by: float = inf) -> None:
        """Replace text and blocks in place; the metadata stays.

        Raises NotPosted, Undeliverable, or Unsettled when no clear answer came.
        """
        shown = content(message)
        try:
            with self._client.over_by(over_by):
                self._client.chat_update(
                    channel=at.channel, ts=at.ts, text=shown.text, blocks=shown.blocks
                )
        except SlackApiError as error:
            raise translated(error) from error
        except LOST as error:
            raise lost(error) from error

    def copies(
        self,
        delivery_id: str,
        *,
        to: str,
        since: datetime,
        until: datetime,
        thread: str | None = None,
    ) -> Sequence[Posted]:
        """Every own message of that delivery, all pages, the earliest first.

        Raises Unsettled when the conversation cannot be read. A look that ends in the middle goes
        on there the next time, since Slack may allow no more than a page a minute.
        """
        look = _Look(delivery_id, to, since, until, thread)
        with self._lock:
            read = self._begun.pop(look, None) or _Read()
        try:
            read.channel = read.channel or self._conversation(to)
            while not read.is_whole:
                self._read_on(look, read)
        except LOST as error:
            trouble = unread(error)
            if trouble.retry_after and read.cursor:
                self._remember(look, read)
            raise trouble from error
        return [Posted(read.channel, ts) for ts in sorted(read.stamps, key=Decimal)]

    def take_back(self, at: Posted) -> None:
        """Delete an own message; one that is gone is as good as deleted."""
        try:
            self._client.chat_delete(channel=at.channel, ts=at.ts)
        except SlackApiError as error:
            if code_of(error) != "message_not_found":
                raise repeatable(translated(error)) from error
        except LOST as error:
            raise repeatable(lost(error)) from error

    def link(self, at: Posted) -> str | None:
        """The permalink of a message; None when Slack gives none. Raises Limited."""
        try:
            found = self._client.chat_getPermalink(channel=at.channel, message_ts=at.ts)
        except LOST as error:
            log.warning("slack.no_permalink", extra={"error": code_of(error)})
            why = translated(error) if isinstance(error, SlackApiError) else None
            if isinstance(why, Limited):
                raise why from error
            return None
        return str(found["permalink"])

    def _conversation(self, to: str) -> str:
        if not to.startswith(("U", "W")):
            return to
        return str(self._client.conversations_open(users=to)["channel"]["id"])

    def _read_on(self, look: "_Look", read: "_Read") -> None:
        """One page more."""
        asked = {
            "channel": read.channel,
            "oldest": f"{look.since.timestamp():.6f}",
            "latest": f"{look.until.timestamp():.6f}",
            "inclusive": True,
            "include_all_metadata": True,
            "limit": PAGE,
            "cursor": read.cursor,
        }
        page = self._page(asked, look.thread)
        found = [each for each in page["messages"] if self._is_delivery(each, look.delivery_id)]
        read.stamps.update(each["ts"] for each in found)
        read.cursor = (page.get("response_metadata") or {}).get("next_cursor")
        read.is_whole = not read.cursor

    def _remember(self, look: "_Look", read: "_Read") -> None:
        """Go on there the next time; of very many looks the oldest begin anew."""
        with self._lock:
            self._begun[look] = read
            while len(self._begun) > BEGUN:
                self._begun.pop(next(iter(self._begun)))

    def _page(self, asked: Mapping[str, Any], thread: str | None) -> SlackResponse:
        if thread is None:
            return self._client.conversations_history(**asked)
        return self._client.conversations_replies(ts=thread, **asked)

    def _is_delivery(self, message: Mapping[str, Any], delivery_id: str) -> bool:
        payload = (message.get("metadata") or {}).get("event_payload") or {}
        known = payload.get("delivery_id") == delivery_id or is_file_of(message, delivery_id)
        return known and self._is_mine(message)

    def _is_mine(self, message: Mapping[str, Any]) -> bool:
        """By the bot, or its user: a shared file need not bear the former."""
        bot, user = self._me()
        return message.get("bot_id") == bot or (user != "" and message.get("user") == user)

    def _me(self) -> tuple[str, str]:
        if self._mine is None:
            known = self._client.auth_test()
            self._mine = str(known["bot_id"]), str(known.get("user_id") or "")
        return self._mine


def _posted(answer: SlackResponse) -> Posted:
    channel, ts = answer.get("channel"), answer.get("ts")
    if not channel or not ts:
        raise Unsettled("no timestamp")
    return Posted(str(channel), str(ts))
