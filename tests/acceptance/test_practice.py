"""The practice workspace's panels produce by hand what a team wants to have seen before."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.demo.practice import Practice
from tests.acceptance.people import Persona
from tests.acceptance.test_unsubscribing import ask

REF = "db-main"
NORMAL = {"kind": "normal", "code": "", "often": "once", "item": "any"}


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    practice = Practice(port=0, data=tmp_path, environ={})
    practice.start()
    yield practice
    practice.stop()


def press(person: Persona, panel: str, control: str, values: Mapping[str, str] = {}) -> str:
    body = {"panel": panel, "control": control, "values": values}
    answer = person.page.post("panels/press", body)
    assert answer["ok"], answer
    return str(answer["sentence"])


def test_a_cloud_that_cannot_be_read_is_told_after_a_while_and_read_when_it_is_back(
    practice: Practice,
) -> None:
    requester, approver = (Persona(practice.url, who) for who in ("requester", "approver-1"))
    ask(requester, REF)
    approver.newest("approvals", containing="Waiting").click("Approve")
    approver.newest("approvals", containing="Approved")
    timed_out = NORMAL | {"kind": "time-out-after"}
    press(requester, "cloud", "arm", timed_out)
    press(requester, "clock", "minutes")
    approver.newest("approvals", containing="Executing")

    said = press(requester, "cloud", "arm", NORMAL | {"kind": "unreachable"})
    assert said == "The cloud cannot be read, until changed."
    for _ in range(4):
        press(requester, "clock", "minutes")
    why = "The cloud of prod could not be read: There is no connection to it."
    card = approver.newest("approvals", containing="Executing")
    assert why in " ".join([card.words, *approver.thread(card)])

    assert press(requester, "cloud", "clear") == "The cloud is normal again."
    press(requester, "clock", "minutes")
    approver.newest("approvals", containing="Done")
