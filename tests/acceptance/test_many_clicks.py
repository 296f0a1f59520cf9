"""Fifty people press *Approve* at once, before two replicas: one decides, the others are told who.

The replicas are processes of their own on one PostgreSQL; Slack's posts are signed, and some of
them come twice, the second time to the other replica.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from bot.billing.unsubscription import State, Verb
from bot.core import Nobody
from bot.demo import workspace
from bot.localslack.delivery.signed import SignedPosts
from bot.localslack.seed import Person, Seed
from bot.services.people import People
from bot.services.unsubscribing import Unsubscribing
from tests.acceptance.catalogue import STAGING
from tests.acceptance.people import eventually, the_element
from tests.acceptance.processes import Installation, Process
from tests.acceptance.world import free_port
from tests.conftest import ONLY_POSTGRESQL
from tests.factories import REQUESTER
from tests.unit.services.desk import filled_in

CROWD = tuple(
    Person(id=f"U0CROWD{number:02}", handle=f"crowd-{number:02}", name=f"Approver {number:02}")
    for number in range(50)
)
TWICE = 12
"""So many clicks are delivered once more, to the other replica, at the same moment."""

STAGING_ITEMS = ["staging-orchestration", "staging-quota", "staging-screen"]
SECOND = timedelta(seconds=1)
SETTINGS = f"""
[slack]
approvals_channel = "{workspace.APPROVALS}"
reminders_channel = "{workspace.FINOPS}"
[approvals]
approvers = {json.dumps([each.id for each in CROWD])}
[accounts.staging]
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes share the machine with whatever else it does."""
    monkeypatch.setattr("tests.acceptance.people.PATIENCE_SECONDS", 120)
    monkeypatch.setattr("tests.acceptance.people.PAUSE_SECONDS", 0.1)


@pytest.fixture
def at(any_url: str, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(directory=tmp_path, url=any_url, seed=crowded(), settings=SETTINGS)
    yield installation
    installation.close()


def crowded() -> Seed:
    """The practice workspace with the crowd in all of its channels."""
    seed = workspace.practice_seed()
    more = tuple(each.id for each in CROWD)
    channels = tuple(replace(each, members=(*each.members, *more)) for each in seed.channels)
    return replace(seed, people=(*seed.people, *CROWD), channels=channels)


def listening(at: Installation) -> str:
    """The address of a replica that Slack can reach."""
    port = free_port()
    process: Process = at.lapse(
        "run",
        LAPSE_TRANSPORT="http",
        LAPSE_HTTP_PORT=str(port),
        SLACK_SIGNING_SECRET=at.slack.signing_secret,
    )
    process.until("Lapse runs")
    return f"http://127.0.0.1:{port}/slack/events"


def asked(at: Installation) -> Unsubscribing:
    """The requester asked to leave SecMaster professional of staging with its packages."""
    core = at.core
    people = People(directory=Nobody(), policy=core.policy)
    asking = Unsubscribing(store=core.store, clock=core.clock, policy=core.policy, people=people)
    asking.submit(filled_in(asking.draft(["staging-quota"], by=REQUESTER)))
    return asking


def card(at: Installation, saying: str) -> Mapping[str, Any]:
    """The request's message, once it says that."""
    return eventually(
        lambda: next((m for m in at.slack.messages("approvals") if saying in m["text"]), None),
        f"a message that says {saying!r}",
    )


def click(at: Installation, message: Mapping[str, Any], person: Person) -> bytes:
    """What Slack posts when a person has pressed *Approve*."""
    block, element = the_element(message["blocks"], "Approve")
    channel = workspace.APPROVALS
    answers = at.slack._desk.response_urls
    payload = {
        "type": "block_actions",
        "user": {"id": person.id, "team_id": "T0PRACTICE", "username": person.handle},
        "team": {"id": "T0PRACTICE", "domain": "practice"},
        "api_app_id": "A0LAPSE",
        "trigger_id": f"trigger.of.{person.id}",
        "container": {"type": "message", "message_ts": message["ts"], "channel_id": channel},
        "channel": {"id": channel, "name": "approvals"},
        "message": dict(message),
        "state": {"values": {}},
        "response_url": answers.give(user=person.id, channel=channel, ts=message["ts"]),
        "actions": [
            {
                "type": "button",
                "action_id": element["action_id"],
                "block_id": block["block_id"],
                "value": element["value"],
                "text": element["text"],
                "action_ts": "1.000001",
            }
        ],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def sent_at_once(at: Installation, posts: Sequence[tuple[str, bytes]]) -> list[int]:
    """Send all of them at the same moment; the status of each answer."""
    together = Barrier(len(posts))
    signed = SignedPosts(url="", secret=at.slack.signing_secret)

    def send(post: tuple[str, bytes]) -> int:
        url, body = post
        headers = {**signed.signature(body), "Content-Type": "application/x-www-form-urlencoded"}
        together.wait()
        with urlopen(Request(url, body, headers), timeout=60) as answer:
            status: int = answer.status
        return status

    with ThreadPoolExecutor(len(posts)) as people:
        return list(people.map(send, posts))


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_fifty_approve_at_once_on_two_replicas_and_one_decides(at: Installation) -> None:
    at.load(*STAGING)
    asking = asked(at)
    replicas = [listening(at), listening(at)]
    message = card(at, "Request 1001")
    clicks = [click(at, message, each) for each in CROWD]
    posts = [(replicas[number % 2], body) for number, body in enumerate(clicks)]
    posts += [(replicas[1 - number % 2], body) for number, body in enumerate(clicks[:TWICE])]

    statuses = sent_at_once(at, posts)

    assert statuses == [200] * len(posts)
    card(at, "approved by")
    told = eventually(lambda: all_told(at), "an answer to each of the others")
    request = asking.get(1001)
    [approval] = [each for each in request.events if each.verb is Verb.APPROVED]
    others = {each.id for each in CROWD} - {approval.by}
    assert told.keys() == others
    for said in told.values():
        [answer] = said
        assert f"<@{approval.by}>" in answer
        assert re.search(r"\b\d\d:\d\d\b", answer)
    with at.core.store.reading() as tx:
        record = Counter(entry.action for entry in tx.audit.entries("request/1001"))
    assert record["request.approved"] == 1

    [header] = headers(at)
    assert "Approved" in header

    at.clock.advance(timedelta(minutes=5))
    eventually(lambda: is_done(at, asking), "its end")
    eventually(lambda: any("Done" in each for each in headers(at)), "a card that says so")

    with at.core.store.reading() as tx:
        orders = tx.book.orders("staging", STAGING_ITEMS, since=request.requested_at)
    assert sorted(order.subscription_id for order in orders) == STAGING_ITEMS
    assert all_told(at) == told


def all_told(at: Installation) -> dict[str, list[str]] | None:
    """What each of the crowd was told alone, once all but one have been told something."""
    told = {
        each.id: [str(said["text"]) for said in at.slack.ephemerals(each.handle)] for each in CROWD
    }
    heard = {person: said for person, said in told.items() if said}
    return heard if len(heard) >= len(CROWD) - 1 else None


def headers(at: Installation) -> list[str]:
    """What each update of the request's message says at its top, oldest first."""
    updates = [call.arguments["blocks"] for call in at.slack.calls("chat.update")]
    shown = [json.loads(each) if isinstance(each, str) else each for each in updates]
    return [b["text"]["text"] for blocks in shown for b in blocks if b["type"] == "header"]


def is_done(at: Installation, asking: Unsubscribing) -> bool:
    """Whether it is carried out; a second passes where it is not."""
    if asking.get(1001).state is State.DONE:
        return True
    at.clock.advance(SECOND)
    return False
