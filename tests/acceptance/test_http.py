"""The same job over HTTP: signed requests on /slack/events, under uvicorn, and health."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bot.localslack.server import Fault
from tests.acceptance.catalogue import STAGING
from tests.acceptance.test_unsubscribing import ask, card
from tests.acceptance.world import World
from tests.clocks import SettableClock


@pytest.fixture
def world(tmp_path: Path, database_url: str, clock: SettableClock) -> Iterator[World]:
    world = World(data=tmp_path, database_url=database_url, clock=clock, transport="http")
    try:
        world.start()
        yield world
        assert not world.slack.refused()
    finally:
        world.close()


def post(world: World, body: bytes, *, stamp: int, secret: str) -> tuple[int, str]:
    base = b"v0:%d:%s" % (stamp, body)
    signature = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": str(stamp),
        "X-Slack-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    request = urllib.request.Request(f"{world.bot.url}/slack/events", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def get(world: World, path: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"{world.bot.url}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_whole_job_works_over_http(world: World):
    world.load(*STAGING)
    assert "1 to 3 of 3" in world.user("owner").command("/lapse list").words
    ask(world.user("requester"))
    world.tick()

    world.user("approver-1").newest("approvals", containing="Request 1001").click("Approve")
    card(world, "Approved")
    for seconds in (300, 3, 3, 3):
        world.advance(seconds=seconds)

    assert "are gone" in card(world, "Done").header


def test_a_forged_an_old_and_a_huge_request_are_refused_with_a_sentence(world: World):
    secret = world.slack.signing_secret
    now = int(time.time())  # noqa: TID251 - a signature is stamped with real time
    body = urlencode({"command": "/lapse", "text": "list"}).encode()

    assert post(world, body, stamp=now, secret="another secret") == (
        401,
        "Signature does not match. Check `SLACK_SIGNING_SECRET`.",
    )
    assert post(world, body, stamp=now - 310, secret=secret) == (
        401,
        "Older than 5 minutes. Check the clock.",
    )
    assert post(world, b"x" * 1_000_001, stamp=now, secret=secret) == (413, "Too large.")


def test_health_is_served_and_names_the_part_that_fails(world: World):
    assert get(world, "/healthz") == (200, {"ok": True})
    assert get(world, "/readyz")[0] == 200

    world.slack.arm(Fault(kind="error", method="auth.test", error="account_inactive"))
    status, body = get(world, "/readyz")

    assert status == 503
    assert "account_inactive" in body["failing"]["slack"]
