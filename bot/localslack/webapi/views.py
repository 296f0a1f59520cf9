"""views.* and blocks.validate."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from bot.localslack.blockkit.problem import Problem
from bot.localslack.blockkit.validator import block_problems, problems
from bot.localslack.failure import SlackError
from bot.localslack.state.changes import Change
from bot.localslack.state.triggers import Trigger
from bot.localslack.state.views import View
from bot.localslack.webapi.desk import (
    Arguments,
    Desk,
    Json,
    Method,
    invalid,
    json_of,
    text_of,
    told,
)


def open_view(desk: Desk, arguments: Arguments) -> Json:
    """views.open."""
    return _by_trigger(desk, arguments, push=False)


def push(desk: Desk, arguments: Arguments) -> Json:
    """views.push."""
    return _by_trigger(desk, arguments, push=True)


def _by_trigger(desk: Desk, arguments: Arguments, *, push: bool) -> Json:
    method = "views.push" if push else "views.open"
    name = arguments.get("trigger_id") or arguments.get("interactivity_pointer")
    owner = desk.triggers.owner(name) if isinstance(name, str) else None
    content = judged(desk, json_of(arguments, "view"), "modal", method=method, user=owner)
    trigger = _take(desk, name, owner)
    view = desk.views.push(trigger, content) if push else desk.views.open(trigger, content)
    desk.refused.dismiss_view(trigger.user, "modal")
    return _answer(desk, view)


def _take(desk: Desk, name: object, owner: str | None) -> Trigger:
    if owner and desk.faults.strike("expired_trigger"):
        desk.triggers.expire(str(name))
    try:
        return desk.triggers.take(name)
    except SlackError as error:
        if owner and error.code == "expired_trigger_id":
            sentence = "The app opened its window too late (expired_trigger_id)."
            more = {"error": error.code, "sentence": sentence, "assertive": True}
            desk.tell(Change(kind="notice", user=owner, more=more))
        raise


def judged(
    desk: Desk,
    view: Any,
    surface: Literal["modal", "home"],
    *,
    method: str,
    user: str | None,
) -> Mapping[str, Any]:
    """The view, when Slack would take it; raises `invalid_arguments` or `view_too_large`."""
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", invalid("missing required field: view"))
    found = problems(view, surface)
    if not found:
        return view
    error = "view_too_large" if _too_large(found) else "invalid_arguments"
    desk.refused.add(
        method=method, surface=surface, error=error, problems=found, payload=view, user=user
    )
    raise SlackError(error, told(found, base="/view"))


def _too_large(found: tuple[Problem, ...]) -> bool:
    return any(each.pointer == "" and each.message.endswith(" bytes") for each in found)


def update(desk: Desk, arguments: Arguments) -> Json:
    """views.update."""
    view_id, external_id = arguments.get("view_id"), arguments.get("external_id")
    if view_id:
        view = desk.views.find(str(view_id))
    elif external_id:
        view = desk.views.find_external(str(external_id))
    else:
        raise SlackError("invalid_arguments", invalid("missing required field: view_id"))
    surface = view.content["type"]
    content = judged(
        desk, json_of(arguments, "view"), surface, method="views.update", user=view.user
    )
    return _answer(desk, desk.views.update(view, content, expected=arguments.get("hash") or None))


def publish(desk: Desk, arguments: Arguments) -> Json:
    """views.publish."""
    user = text_of(arguments, "user_id")
    desk.workspace.person(user)
    content = judged(desk, json_of(arguments, "view"), "home", method="views.publish", user=user)
    view = desk.views.publish(user, content, expected=arguments.get("hash") or None)
    desk.refused.dismiss_view(user, "home")
    return _answer(desk, view)


def _answer(desk: Desk, view: View) -> Json:
    return {"ok": True, "view": desk.views.as_slack_tells(view)}


def validate(_desk: Desk, arguments: Arguments) -> Json:
    """blocks.validate: exactly one of blocks, message and view."""
    given = [name for name in ("blocks", "message", "view") if arguments.get(name) is not None]
    if len(given) != 1:
        raise SlackError("invalid_arguments", invalid("give one of blocks, message, view"))
    [name] = given
    value = json_of(arguments, name)
    if name == "blocks":
        found = block_problems(value, "message")
    elif not isinstance(value, dict):
        raise SlackError("invalid_arguments", invalid(f"{name} is not an object"))
    elif name == "message":
        found = problems(value, "message")
    else:
        found = problems(value, "home" if value.get("type") == "home" else "modal")
    if not found:
        return {"ok": True}
    raise SlackError(f"invalid_{name}", {"errors": [_error(each) for each in found]})


def _error(problem: Problem) -> Json:
    constraint = {"type": problem.code, "expected": problem.limit, "got": problem.got}
    return {
        "pointer": problem.pointer,
        "code": "failed_constraint",
        "message": problem.message,
        "constraint": constraint,
    }


METHODS: Final = MappingProxyType(
    {
        "views.open": Method(run=open_view),
        "views.push": Method(run=push),
        "views.update": Method(run=update),
        "views.publish": Method(run=publish),
        "blocks.validate": Method(run=validate),
    }
)
