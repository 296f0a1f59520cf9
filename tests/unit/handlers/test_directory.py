"""Who is who, remembered for five minutes."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from handlers.directory import FRESH, HOLDS, RETRY, SlackDirectory
from tests.unit.handlers.stage import RecordingClient


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def directory(client: RecordingClient, seconds: Seconds) -> SlackDirectory:
    client.answers["users.info"] = {"user": {"tz": "Europe/Berlin", "is_admin": True}}
    client.answers["usergroups.users.list"] = {"users": ["U0ONE", "U0TWO"]}
    return SlackDirectory(client, monotonic=seconds)


def test_a_person_has_a_zone_and_rights(directory):
    assert directory.zone("U0OWNER") == ZoneInfo("Europe/Berlin")
    assert directory.is_admin("U0OWNER")
    assert not directory.is_guest("U0OWNER")


@pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted"])
def test_guests_of_both_kinds_are_guests(directory, client, flag):
    client.answers["users.info"] = {"user": {flag: True}}

    assert directory.is_guest("U0GUEST")


def test_a_person_whose_account_is_deactivated_has_left(directory, client):
    assert not directory.has_left("U0OWNER")
    client.answers["users.info"] = {"user": {"deleted": True}}

    assert directory.has_left("U0GONE")


def test_of_whom_slack_tells_nothing_nobody_says_that_they_left(directory, client):
    client.answers["users.info"] = TimeoutError()

    assert not directory.has_left("U0OWNER")


def test_an_owner_of_the_workspace_is_an_admin(directory, client):
    client.answers["users.info"] = {"user": {"is_owner": True}}

    assert directory.is_admin("U0OWNER")


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../etc/passwd"])
def test_an_unknown_zone_is_utc(directory, client, zone):
    client.answers["users.info"] = {"user": {"tz": zone}}

    assert directory.zone("U0OWNER") == ZoneInfo("UTC")


def test_an_answer_holds_for_five_minutes(directory, client, seconds):
    directory.zone("U0OWNER")
    seconds.now += FRESH - 1
    directory.is_admin("U0OWNER")
    assert len(client.of("users.info")) == 1

    seconds.now += 1
    directory.zone("U0OWNER")
    assert len(client.of("users.info")) == 2


def test_a_person_whom_slack_does_not_know_has_no_rights_and_is_not_asked_for_at_once(
    directory, client, seconds
):
    client.answers["users.info"] = TimeoutError()

    assert directory.zone("U0OWNER") == ZoneInfo("UTC")
    assert not directory.is_admin("U0OWNER")
    assert len(client.of("users.info")) == 1

    seconds.now += RETRY
    directory.zone("U0OWNER")
    assert len(client.of("users.info")) == 2


def test_while_slack_is_away_what_was_known_holds(directory, client, seconds):
    directory.zone("U0OWNER")
    client.answers["users.info"] = TimeoutError()
    seconds.now += FRESH

    assert directory.zone("U0OWNER") == ZoneInfo("Europe/Berlin")


def test_a_group_has_members_and_of_one_that_was_never_read_nobody_knows(directory, client):
    assert directory.group_members("S0TEAM") == ("U0ONE", "U0TWO")

    client.answers["usergroups.users.list"] = TimeoutError()
    assert directory.group_members("S0OTHER") is None


def test_who_was_in_a_group_is_held_to_be_in_it_for_a_day(directory, client, seconds):
    directory.group_members("S0TEAM")
    client.answers["usergroups.users.list"] = TimeoutError()
    seconds.now += HOLDS - 1
    assert directory.group_members("S0TEAM") == ("U0ONE", "U0TWO")

    seconds.now += RETRY
    assert directory.group_members("S0TEAM") is None
    client.answers["usergroups.users.list"] = {"users": ["U0TWO"]}
    seconds.now += RETRY
    assert directory.group_members("S0TEAM") == ("U0TWO",)


def test_it_is_known_for_how_long_a_group_was_not_read(directory, client, seconds):
    assert directory.unread_for("S0TEAM") == timedelta(0)
    client.answers["usergroups.users.list"] = TimeoutError()
    seconds.now += FRESH
    directory.group_members("S0TEAM")
    seconds.now += 90

    assert directory.unread_for("S0TEAM") == timedelta(seconds=90)
    seconds.now += RETRY
    assert directory.unread_for("S0TEAM") == timedelta(seconds=90 + RETRY)
    client.answers["usergroups.users.list"] = {"users": []}
    seconds.now += RETRY
    assert directory.unread_for("S0TEAM") == timedelta(0)


def test_who_was_an_admin_is_none_when_slack_has_not_said_so_for_a_day(directory, client, seconds):
    client.answers["users.info"] = {"user": {"is_admin": True, "is_restricted": True}}
    assert directory.is_admin("U0OWNER")
    client.answers["users.info"] = TimeoutError()
    seconds.now += HOLDS

    assert not directory.is_admin("U0OWNER")
    assert directory.is_guest("U0OWNER")


def test_apps_and_slackbot_are_nobody(directory, client):
    assert not directory.is_bot("U0OWNER")
    assert directory.is_bot("USLACKBOT")
    client.answers["users.info"] = {"user": {"is_bot": True}}

    assert directory.is_bot("U0APP")
