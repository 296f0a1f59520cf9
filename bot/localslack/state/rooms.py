"""Channels and direct conversations with what was said in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Message = dict[str, Any]
"""A message as Slack stores it; keys that begin with `local_` never leave by the Web API."""


@dataclass(slots=True, kw_only=True)
class Room:
    """A conversation; `messages` is by `ts`, oldest first, replies among them."""

    id: str
    name: str
    kind: Literal["channel", "dm"]
    purpose: str = ""
    is_private: bool = False
    is_archived: bool = False
    members: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)

    def visible_to(self, user: str) -> bool:
        """Whether a person may read here."""
        return user in self.members or (self.kind == "channel" and not self.is_private)

    def main(self) -> Iterator[Message]:
        """What stands in the conversation itself."""
        return (each for each in self.messages.values() if not is_reply(each))

    def replies(self, root: str) -> list[Message]:
        """The replies of a thread, oldest first."""
        return [
            each
            for each in self.messages.values()
            if each.get("thread_ts") == root and each["ts"] != root
        ]

    def with_thread(self, message: Message) -> Message:
        """The message with what Slack adds to the root of a thread."""
        replies = [] if is_reply(message) else self.replies(message["ts"])
        if not replies:
            return message
        users = list(dict.fromkeys(str(each["user"]) for each in replies))
        return {
            **message,
            "thread_ts": message["ts"],
            "reply_count": len(replies),
            "reply_users_count": len(users),
            "reply_users": users,
            "latest_reply": replies[-1]["ts"],
        }


def is_reply(message: Message) -> bool:
    """Whether a message belongs to a thread that another one began."""
    return message.get("thread_ts") not in (None, message["ts"])


def as_slack_tells(message: Message, *, with_metadata: bool) -> Message:
    """The message as the Web API shows it: metadata's payload only where it was asked for."""
    told = {name: value for name, value in message.items() if not name.startswith("local_")}
    metadata = told.get("metadata")
    if metadata and not with_metadata:
        told["metadata"] = {"event_type": metadata["event_type"]}
    return told
