"""What the workspace holds when it is new: people, channels, groups and the installed app."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

SLACKBOT: Final = "USLACKBOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member of the workspace; `handle` is what the page's address and mentions use."""

    id: str
    handle: str
    name: str
    role: str = ""
    tz: str = "UTC"
    is_admin: bool = False
    is_restricted: bool = False
    is_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel; `members` are user ids, the bot's among them where it was invited."""

    id: str
    name: str
    purpose: str = ""
    members: tuple[str, ...] = ()
    is_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A user group, named in mentions as `<!subteam^ID>`."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A whole workspace. Order matters: the page opens the first channel as the first person.

    `manifest` is the parsed manifest of the app; its commands, scopes and event subscriptions are
    honoured, and without them nothing is held back.
    """

    people: tuple[Person, ...]
    channels: tuple[Channel, ...]
    manifest: Mapping[str, Any]
    groups: tuple[Group, ...] = ()
    team_id: str = "T0LOCAL"
    team_name: str = "Local"
    team_domain: str = "local"
    app_id: str = "A0LOCAL"
    bot_id: str = "B0LOCAL"
    bot_user_id: str = "U0LOCALBOT"

    @cached_property
    def app_name(self) -> str:
        """The app's display name."""
        return str(_at(self.manifest, "display_information", "name") or "App")

    @cached_property
    def bot_name(self) -> str:
        """The bot user's display name."""
        return str(_at(self.manifest, "features", "bot_user", "display_name") or self.app_name)

    @cached_property
    def everyone(self) -> Mapping[str, Person]:
        """All people by id, the bot user included."""
        bot = Person(
            id=self.bot_user_id, handle=self.bot_name.lower(), name=self.bot_name, is_bot=True
        )
        return {bot.id: bot} | {each.id: each for each in self.people}

    @cached_property
    def humans(self) -> tuple[Person, ...]:
        """Those whom the page can act as, in order."""
        return tuple(each for each in self.people if not each.is_bot)

    @cached_property
    def commands(self) -> Mapping[str, Mapping[str, Any]]:
        """The slash commands of the manifest by name, slash included."""
        found = _at(self.manifest, "features", "slash_commands") or []
        return {str(each["command"]): each for each in found}

    @cached_property
    def scopes(self) -> frozenset[str] | None:
        """The bot scopes of the manifest; None when it names none, then all are granted."""
        found = _at(self.manifest, "oauth_config", "scopes", "bot")
        return frozenset(found) if found else None

    @cached_property
    def bot_events(self) -> frozenset[str] | None:
        """The events that the app is subscribed to; None when the manifest names none: all."""
        found = _at(self.manifest, "settings", "event_subscriptions", "bot_events")
        return frozenset(found) if found else None

    def by_handle(self, handle: str) -> Person | None:
        """The person of that handle."""
        return next((each for each in self.everyone.values() if each.handle == handle), None)

    def dm_of(self, user: str) -> str:
        """The id of the direct conversation between a person and the app."""
        return f"D{user[1:]}"


def _at(value: Mapping[str, Any], *path: str) -> Any:
    for name in path:
        found = value.get(name)
        if found is None:
            return None
        value = found
    return value
