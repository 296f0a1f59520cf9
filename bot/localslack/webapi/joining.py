"""Membership changes that the app is told about."""

from bot.localslack.webapi.desk import Desk


def join(desk: Desk, channel: str, user: str, *, inviter: str | None = None) -> None:
    """Let somebody into a channel; the app learns of it when it is inside as well."""
    workspace = desk.workspace
    with workspace.lock:
        room = workspace.room(channel)
        if not workspace.add_member(channel, user):
            return
        name = workspace.person(user).handle
        workspace.post(
            channel,
            {"user": user, "subtype": "channel_join", "text": f"@{name} joined #{room.name}"},
        )
        if workspace.seed.bot_user_id not in room.members:
            return
    event = {
        "type": "member_joined_channel",
        "user": user,
        "channel": channel,
        "channel_type": "G" if room.is_private else "C",
        "team": workspace.seed.team_id,
    }
    desk.courier.event({**event, "inviter": inviter} if inviter else event)


def leave(desk: Desk, channel: str, user: str) -> None:
    """Take somebody out of a channel."""
    workspace = desk.workspace
    with workspace.lock:
        room = workspace.room(channel)
        if user not in room.members:
            return
        workspace.remove_member(channel, user)
        name = workspace.person(user).handle
        workspace.post(
            channel,
            {"user": user, "subtype": "channel_leave", "text": f"@{name} left #{room.name}"},
        )


def archive(desk: Desk, channel: str, *, by: str) -> None:
    """Archive a channel; the app is told when it is inside."""
    workspace = desk.workspace
    workspace.set_archived(channel, archived=True)
    if workspace.seed.bot_user_id in workspace.room(channel).members:
        desk.courier.event({"type": "channel_archive", "channel": channel, "user": by})
