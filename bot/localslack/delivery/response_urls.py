"""The addresses by which the app answers one act of one person: five times within half an hour."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.localslack.blockkit import limits
from bot.localslack.blockkit.filling import filled
from bot.localslack.blockkit.problem import Problem
from bot.localslack.blockkit.validator import problems
from bot.localslack.failure import SlackError
from bot.localslack.state.refused import RefusedLog
from bot.localslack.state.rooms import Message
from bot.localslack.state.workspace import Workspace

_KEEP: Final = 2_000


@dataclass(slots=True, kw_only=True)
class Place:
    """Where answers go; `ts` names the message that was clicked, if it was one."""

    user: str
    channel: str
    born: float
    ts: str | None = None
    ephemeral: bool = False
    command: str | None = None
    uses: int = 0


class ResponseUrls:
    """Hands out the addresses and carries out what arrives at them."""

    def __init__(
        self, *, workspace: Workspace, refused: RefusedLog, elapsed: Callable[[], float]
    ) -> None:
        self._workspace = workspace
        self._refused = refused
        self._elapsed = elapsed
        self._places: dict[str, Place] = {}
        self.base = ""

    def give(
        self,
        *,
        user: str,
        channel: str,
        ts: str | None = None,
        ephemeral: bool = False,
        command: str | None = None,
    ) -> str:
        """A new address."""
        name = secrets.token_urlsafe(18)
        self._places[name] = Place(
            user=user,
            channel=channel,
            born=self._elapsed(),
            ts=ts,
            ephemeral=ephemeral,
            command=command,
        )
        while len(self._places) > _KEEP:
            del self._places[next(iter(self._places))]
        return f"{self.base}/response/{name}"

    def use(self, name: str, said: Mapping[str, Any]) -> None:
        """Carry out an answer; raises `expired_url`, `used_url`, `invalid_blocks`, `no_text`."""
        place = self._places.get(name)
        if place is None or self._elapsed() - place.born > limits.RESPONSE_URL_SECONDS:
            raise SlackError("expired_url")
        if place.uses >= limits.RESPONSE_URL_USES:
            raise SlackError("used_url")
        place.uses += 1
        self.answer(place, said)

    def answer(self, place: Place, said: Mapping[str, Any]) -> None:
        """Show, replace or delete, as the answer says."""
        if said.get("delete_original"):
            self._delete(place)
            return
        self._judge(place, said)
        content = _content(said)
        if not content["text"] and not content["blocks"]:
            raise SlackError("no_text")
        if said.get("replace_original") and place.ts:
            self._replace(place, content)
        elif said.get("response_type") == "in_channel":
            self._post(place, content, said.get("thread_ts"))
        else:
            self._show(place, content, said.get("thread_ts"))

    def _judge(self, place: Place, said: Mapping[str, Any]) -> None:
        found: tuple[Problem, ...] = problems(said, "message")
        if found:
            self._refused.add(
                method="response_url",
                surface="response",
                error="invalid_blocks",
                problems=found,
                payload=dict(said),
                channel=place.channel,
                user=place.user,
            )
            raise SlackError("invalid_blocks")

    def _author(self) -> Message:
        seed = self._workspace.seed
        return {
            "user": seed.bot_user_id,
            "bot_id": seed.bot_id,
            "app_id": seed.app_id,
            "team": seed.team_id,
        }

    def _delete(self, place: Place) -> None:
        if place.ts and place.ephemeral:
            self._workspace.dismiss(place.user, place.ts)
        elif place.ts:
            self._workspace.remove(place.channel, place.ts)

    def _replace(self, place: Place, content: Message) -> None:
        ts = place.ts or ""
        if place.ephemeral:
            try:
                self._workspace.show_again(place.user, ts, content)
            except SlackError:  # dismissed meanwhile: Slack shows the answer anew
                self._show(place, content, None)
        else:
            old = self._workspace.message(place.channel, ts)
            self._workspace.change(place.channel, ts, {**old, **content})

    def _post(self, place: Place, content: Message, thread: Any) -> None:
        message = {**self._author(), **content, "subtype": "bot_message"}
        if place.command:
            message["local_command"] = place.command
        if thread:
            message["thread_ts"] = str(thread)
        self._workspace.post(place.channel, message)

    def _show(self, place: Place, content: Message, thread: Any) -> None:
        message = {**self._author(), **content, "channel": place.channel}
        if thread:
            message["thread_ts"] = str(thread)
        self._workspace.show(place.user, message)


def _content(said: Mapping[str, Any]) -> Message:
    blocks = said.get("blocks")
    text = said.get("text")
    return {
        "text": text[: limits.TEXT_CUT] if isinstance(text, str) else "",
        "blocks": filled(blocks) if isinstance(blocks, list) else [],
    }
