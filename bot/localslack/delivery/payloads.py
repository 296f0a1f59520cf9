"""The JSON in which Slack tells the app what a person did."""

from collections.abc import Mapping
from typing import Any

from bot.localslack.blockkit.elements import Placed
from bot.localslack.blockkit.inputs import expanded
from bot.localslack.seed import Person, Seed
from bot.localslack.state.rooms import Message, Room, as_slack_tells

Json = dict[str, Any]
VERIFICATION = "local-verification"


def _frame(seed: Seed, person: Person, *, trigger: str | None) -> Json:
    frame: Json = {
        "team": {"id": seed.team_id, "domain": seed.team_domain},
        "user": {
            "id": person.id,
            "username": person.handle,
            "name": person.handle,
            "team_id": seed.team_id,
        },
        "api_app_id": seed.app_id,
        "token": VERIFICATION,
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if trigger is not None:
        frame["trigger_id"] = trigger
    return frame


def command(
    seed: Seed,
    person: Person,
    room: Room,
    *,
    name: str,
    text: str,
    trigger: str,
    response_url: str,
) -> Json:
    """A slash command; every value is a string, as in a form."""
    return {
        "token": VERIFICATION,
        "team_id": seed.team_id,
        "team_domain": seed.team_domain,
        "channel_id": room.id,
        "channel_name": channel_name(room),
        "user_id": person.id,
        "user_name": person.handle,
        "command": name,
        "text": text,
        "api_app_id": seed.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger,
    }


def channel_name(room: Room) -> str:
    """What Slack calls a conversation in payloads."""
    if room.kind == "dm":
        return "directmessage"
    return "privategroup" if room.is_private else room.name


def pressed(each: Placed, compact: Any, *, ts: str) -> Json:
    """The entry of `actions` for a pressed or changed element."""
    action: Json = {
        "type": each.kind,
        "action_id": each.action_id,
        "block_id": each.block_id,
        "action_ts": ts,
    }
    if each.kind in ("button", "workflow_button"):
        for name in ("text", "value", "url", "style"):
            if name in each.element:
                action[name] = each.element[name]
        return action
    if each.element.get("placeholder"):
        action["placeholder"] = each.element["placeholder"]
    return {**action, **expanded(each.element, compact)}


def on_message(
    seed: Seed,
    person: Person,
    room: Room,
    message: Message,
    *,
    trigger: str | None,
    values: Mapping[str, Any],
    response_url: str,
) -> Json:
    """The part of an interaction that says on which message it happened."""
    ephemeral = bool(message.get("is_ephemeral"))
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": room.id,
        "is_ephemeral": ephemeral,
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    told = as_slack_tells(room.with_thread(message), with_metadata=False)
    payload = {
        **_frame(seed, person, trigger=trigger),
        "container": container,
        "channel": {"id": room.id, "name": channel_name(room)},
        "state": {"values": dict(values)},
        "response_url": response_url,
    }
    if not ephemeral:  # Slack does not keep ephemeral messages, so it cannot tell what was in them
        payload["message"] = told
    return payload


def on_view(seed: Seed, person: Person, view: Json, *, trigger: str | None) -> Json:
    """The part of an interaction that says in which view it happened."""
    return {
        **_frame(seed, person, trigger=trigger),
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
    }


def actions(base: Json, action: Json) -> Json:
    """A click or change."""
    return {"type": "block_actions", **base, "actions": [action]}


def suggestion(base: Json, each: Placed, typed: str) -> Json:
    """A question for the options of an external select."""
    return {
        "type": "block_suggestion",
        **base,
        "action_id": each.action_id,
        "block_id": each.block_id,
        "value": typed,
    }


def submission(base: Json) -> Json:
    """A sent form."""
    told = {name: value for name, value in base.items() if name != "container"}
    return {"type": "view_submission", **told, "response_urls": []}


def closed(base: Json, *, cleared: bool) -> Json:
    """A window closed without sending; `cleared` where the whole stack went."""
    told = {name: value for name, value in base.items() if name != "container"}
    return {"type": "view_closed", **told, "is_cleared": cleared}
