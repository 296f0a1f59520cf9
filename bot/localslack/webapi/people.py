"""auth, users, user groups, team and bots: who is who."""

from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from bot.localslack.failure import SlackError
from bot.localslack.seed import Person
from bot.localslack.webapi.conversations import paged
from bot.localslack.webapi.desk import Arguments, Desk, Json, Method, text_of


def test(desk: Desk, _arguments: Arguments) -> Json:
    """auth.test."""
    seed = desk.workspace.seed
    return {
        "ok": True,
        "url": f"{desk.url}/",
        "team": seed.team_name,
        "user": seed.bot_name.lower(),
        "team_id": seed.team_id,
        "user_id": seed.bot_user_id,
        "bot_id": seed.bot_id,
        "is_enterprise_install": False,
    }


def connect(desk: Desk, _arguments: Arguments) -> Json:
    """apps.connections.open: a socket's address, good for one use."""
    address = desk.url.replace("http://", "ws://", 1)
    return {"ok": True, "url": f"{address}/link/?ticket={desk.ticket()}&app_id=local"}


def told_person(desk: Desk, person: Person) -> Json:
    """A member as Slack describes them."""
    offset = desk.workspace.now().astimezone(ZoneInfo(person.tz)).utcoffset()
    seconds = int(offset.total_seconds()) if offset else 0
    return {
        "id": person.id,
        "team_id": desk.workspace.seed.team_id,
        "name": person.handle,
        "deleted": False,
        "real_name": person.name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": seconds,
        "profile": {
            "real_name": person.name,
            "display_name": person.handle,
            "title": person.role,
            "team": desk.workspace.seed.team_id,
        },
        "is_admin": person.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": False,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }


def info(desk: Desk, arguments: Arguments) -> Json:
    """users.info."""
    user = text_of(arguments, "user", error="user_not_found")
    return {"ok": True, "user": told_person(desk, desk.workspace.person(user))}


def listed(desk: Desk, arguments: Arguments) -> Json:
    """users.list."""
    page, cursor = paged(list(desk.workspace.people.values()), arguments, default=200)
    told = [told_person(desk, person) for person in page]
    return {"ok": True, "members": told, "response_metadata": {"next_cursor": cursor}}


def group_users(desk: Desk, arguments: Arguments) -> Json:
    """usergroups.users.list."""
    name = text_of(arguments, "usergroup", error="no_such_subteam")
    for group in desk.workspace.seed.groups:
        if group.id == name:
            return {"ok": True, "users": list(group.users)}
    raise SlackError("no_such_subteam")


def groups(desk: Desk, _arguments: Arguments) -> Json:
    """usergroups.list."""
    told = [
        {"id": each.id, "handle": each.handle, "name": each.name, "users": list(each.users)}
        for each in desk.workspace.seed.groups
    ]
    return {"ok": True, "usergroups": told}


def team(desk: Desk, _arguments: Arguments) -> Json:
    """team.info."""
    seed = desk.workspace.seed
    told = {"id": seed.team_id, "name": seed.team_name, "domain": seed.team_domain}
    return {"ok": True, "team": told}


def bot(desk: Desk, arguments: Arguments) -> Json:
    """bots.info."""
    seed = desk.workspace.seed
    if arguments.get("bot") not in (None, "", seed.bot_id):
        raise SlackError("bot_not_found")
    told = {
        "id": seed.bot_id,
        "app_id": seed.app_id,
        "user_id": seed.bot_user_id,
        "name": seed.bot_name,
        "deleted": False,
    }
    return {"ok": True, "bot": told}


METHODS: Final = MappingProxyType(
    {
        "auth.test": Method(run=test),
        "apps.connections.open": Method(run=connect, needs="app"),
        "users.info": Method(run=info, scopes=("users:read",)),
        "users.list": Method(run=listed, scopes=("users:read",)),
        "usergroups.users.list": Method(run=group_users, scopes=("usergroups:read",)),
        "usergroups.list": Method(run=groups, scopes=("usergroups:read",)),
        "team.info": Method(run=team, scopes=("team:read",)),
        "bots.info": Method(run=bot, scopes=("users:read",)),
    }
)
