"""Killed at any moment and started again, it goes on: nothing is lost, nothing is done twice."""

import platform
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.billing.renewal import CLOUD_ZONE
from bot.core import Nobody
from bot.demo import workspace
from bot.demo.stage import DATABASE
from bot.localslack.seed import Channel
from bot.localslack.server import Fault
from tests.acceptance.catalogue import SECMASTER, bought, group, subscription
from tests.acceptance.people import Message, Modal, Persona, eventually
from tests.acceptance.processes import UNFINISHED, Installation, Process, payloads, surroundings
from tests.acceptance.test_unsubscribing import ask
from tests.conftest import ONLY_POSTGRESQL

LEASE = timedelta(seconds=61)
HEAP = 64 << 20
SETTLED = timedelta(seconds=41)
SETTINGS = f"""
[slack]
approvals_channel = "{workspace.APPROVALS}"
reminders_channel = "{workspace.FINOPS}"
routes = [{{ match = {{ account = "hk" }}, channel = "{workspace.SECURITY}" }}]
[approvals]
approvers = ["U0APPROVER1", "U0APPROVER2"]
[accounts.staging]
[accounts.lab]
[accounts.hk]
"""

Opened = Callable[..., Installation]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes share the machine with whatever else it does."""
    monkeypatch.setattr("tests.acceptance.people.PATIENCE_SECONDS", 120)
    monkeypatch.setattr("tests.acceptance.people.PAUSE_SECONDS", 0.1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens an installation over a database; whatever it started ends with the test."""
    held: list[Installation] = []

    def open_one(url: str, seed=None) -> Installation:
        seed = seed or workspace.practice_seed()
        held.append(Installation(directory=tmp_path, url=url, seed=seed, settings=SETTINGS))
        return held[-1]

    yield open_one
    for each in held:
        each.close()


def days_ahead(now: datetime, days: int) -> tuple[str, str]:
    """A term of a year that ends so many days from now, or a few less: never at a month's end."""
    ends = now.astimezone(CLOUD_ZONE).date() + timedelta(days=days)
    ends = ends.replace(day=min(ends.day, 28))
    return ends.replace(year=ends.year - 1).isoformat(), ends.isoformat()


def quota(key: str, name: str, term: tuple[str, str], **more: object) -> dict[str, object]:
    order = bought(*term, "540.00")
    return subscription(key, name, order, **SECMASTER, kind="quota", edition="standard", **more)


def reader_hour(day: date) -> datetime:
    return datetime.fromisoformat(f"{day}T09:00:00+08:00")


def deduction(expires: str) -> date:
    """The day on which the ledger charges: seven days before the expiry."""
    return date.fromisoformat(expires) - timedelta(days=7)


def card(at: Installation, containing: str) -> Message:
    return at.user("approver-1").newest("approvals", containing=containing)


def reminders(at: Installation, where: str) -> list[str]:
    """The reminder ids that stand in a channel, in order, repeated when repeated."""
    found = payloads(at.slack.messages(where))
    return [id_ for payload in found for id_ in payload.get("reminder_ids", ())]


def refund_orders(at: Installation, since: datetime) -> list[str]:
    ids = [f"staging-{each}" for each in ("quota", "screen", "orchestration")]
    with at.core.store.reading() as tx:
        return [order.subscription_id for order in tx.book.orders("staging", ids, since=since)]


def test_killed_at_the_worst_moments_it_finishes_and_does_nothing_twice(
    opened: Opened, database_url: str
):
    at = opened(database_url)
    began = at.clock.now()
    lab = days_ahead(began, 20)
    at.load(
        *group("staging", days_ahead(began, 170)),
        quota("lab/lab-quota", "SecMaster Standard, 10 ECS", lab),
        quota("hk/hk-quota", "SecMaster Standard, 20 ECS", lab),
    )

    # Idle, between approval and execution.
    lapse = at.run()
    ask(at.user("requester"))
    card(at, "Waiting").click("Approve")
    card(at, "Approved")
    found = at.user("owner").newest("security")
    at.user("owner").newest("finops")
    lapse.kill()

    # The first click after the start works; then in the middle of executing, a form open.
    lapse = at.run()
    assert found.click("Keep")["ok"]
    eventually(lambda: "Undo keep" in at.user("owner").newest("security").buttons, "a kept one")
    form = form_for_lab(at.user("requester"))
    at.clock.advance(LEASE)  # of what the killed process was just sending
    at.quiet()
    at.clock.advance(timedelta(minutes=5))
    eventually(lambda: refund_orders(at, began), "the first refund order")
    lapse.kill()

    # It finishes, and the open form can be sent; then right after posts whose answers were lost.
    lapse = at.run()
    assert form.submit()["ok"]
    at.clock.advance(LEASE)
    finish(at)
    assert "and 2 packages are gone" in card(at, "Request 1001 is done").header
    assert card(at, "Request 1002").click("Reject")["ok"]
    at.quiet()
    before = len(reminders(at, "finops"))
    at.slack.arm(Fault(kind="lost_after", method="chat.postMessage", once=False))
    at.clock.advance_to(reader_hour(deduction(lab[1]) - timedelta(days=7)))
    eventually(lambda: len(reminders(at, "finops")) > before, "the reminder of seven days")
    lapse.kill()
    at.slack.clear_faults()

    # What was posted is found.
    lapse = at.run()
    at.clock.advance(LEASE + SETTLED)
    seven_days = f"lab/lab-quota/{deduction(lab[1])}/7d"
    eventually(lambda: states(at).get(seven_days) == {"sent"}, "a settled reminder")
    at.quiet()  # what nobody can look up for six hours would be posted once more, as it says

    three_days = reader_hour(deduction(lab[1]) - timedelta(days=3))
    what_falls_due_while_slack_is_away_comes_when_it_is_back(at, lapse, due=three_days)
    a_line_that_breaks_without_a_word_is_noticed(at, lapse)
    assert "1 to" in at.user("owner").command("/lapse list").words

    assert lapse.end(signal.SIGTERM) == 0
    assert "Traceback" not in lapse.complained
    once(at)
    assert Counter(refund_orders(at, began)) == {
        "staging-quota": 1,
        "staging-screen": 1,
        "staging-orchestration": 1,
    }
    roots = [m for m in at.slack.messages("approvals") if "thread_ts" not in m and m.get("bot_id")]
    assert len(roots) == 2


def finish(at: Installation) -> None:
    """Let the ledger, which takes two seconds for a step, go on faster than the machine's clock."""

    def look() -> bool:
        at.clock.advance(timedelta(seconds=2))
        posts = at.user("approver-1").posts("approvals")
        return any("Request 1001 is done" in post.text for post in posts)

    eventually(look, "a request that is done")


def form_for_lab(requester: Persona) -> Modal:
    requester.say("/lapse unsubscribe lab-quota")
    form = requester.modal(title="Unsubscribe", containing="Refund now")
    form.enter("Reason", "Features are not enough")
    form.enter("Details", "The laboratory moved.")
    form.enter("Handling fee", True)
    return form


def what_falls_due_while_slack_is_away_comes_when_it_is_back(
    at: Installation, lapse: Process, *, due: datetime
) -> None:
    connections = told(lapse, "slack.connected")
    at.slack_leaves()
    at.clock.advance_to(due)
    eventually(lambda: told(lapse, "delivery.not_posted"), "a failure in the log")
    assert len([line for line in lapse.log if line["level"] != "info"]) < 20
    at.slack_returns()
    eventually(lambda: told(lapse, "slack.connected") > connections, "a new socket")
    eventually(lambda: reminders(at, "finops")[-1].endswith("/3d"), "the reminder of three days")


def a_line_that_breaks_without_a_word_is_noticed(at: Installation, lapse: Process) -> None:
    connections = told(lapse, "slack.connected")
    at.slack.disconnect(abrupt=True)
    eventually(lambda: told(lapse, "slack.connected") > connections, "a new socket")


def states(at: Installation) -> dict[str, set[str]]:
    """Every reminder with the states that it has at its destinations."""
    found: dict[str, set[str]] = {}
    for row in at.core.reminding(Nobody()).listed(settled=True):
        found.setdefault(row.id, set()).add(row.state.value)
    return found


def told(lapse: Process, event: str) -> int:
    """How many lines of its log tell of an event."""
    return sum(line["event"] == event for line in lapse.log)


def once(at: Installation) -> None:
    """No message that must arrive stands anywhere twice, nor does a reminder in one place."""
    posted = at.posted()
    assert posted
    ids = Counter(each["delivery_id"] for each in payloads(posted))
    twice = {each for each, count in ids.items() if count > 1}
    assert not twice, [(m["ts"], m["text"][:40]) for m in posted if twice & _delivery_ids(m)]
    reminded = Counter(
        (message["channel"], id_)
        for message in posted
        for payload in payloads([message])
        for id_ in payload.get("reminder_ids", ())
    )
    assert [each for each, count in reminded.items() if count > 1] == []
    assert at.slack.refused() == ()


def _delivery_ids(message: Mapping[str, object]) -> set[str]:
    return {each["delivery_id"] for each in payloads([message])}


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_two_workers_and_a_web_process_share_one_database_and_post_each_reminder_once(
    opened: Opened, any_url: str
):
    seed = workspace.practice_seed()
    rooms = tuple(
        Channel(id=f"C0TEAM{n:02}", name=f"team-{n:02}", members=workspace.EVERYBODY)
        for n in range(20)
    )
    at = opened(any_url, replace(seed, channels=(*seed.channels, *rooms)))
    term = days_ahead(at.clock.now(), 41)
    at.load(
        *(
            quota(f"lab/lab-{n:02}", f"Team {n}", term, owner=None, channel=rooms[n % 20].id)
            for n in range(60)
        )
    )
    processes = [at.lapse("run", "--role", role) for role in ("worker", "worker", "web")]
    for process in processes:
        process.until("Lapse runs")

    at.clock.advance_to(reader_hour(deduction(term[1]) - timedelta(days=30)))

    due = sorted(f"lab/lab-{n:02}/{deduction(term[1])}/30d" for n in range(60))
    eventually(lambda: sum(len(reminders(at, room.id)) for room in rooms) >= 60, "60 reminders")
    eventually(lambda: set().union(*states(at).values()) == {"sent"}, "60 that were sent")
    assert sorted(id_ for room in rooms for id_ in reminders(at, room.id)) == due
    assert "1 to 10 of 60" in at.user("owner").command("/lapse list").words
    for process in processes:
        assert process.end() == 0
        assert [line for line in process.log if line["level"] != "info"] == []
    once(at)


def test_the_practice_workspace_goes_on_after_a_kill_and_ends_cleanly(tmp_path: Path):
    demos: list[Process] = []

    def demo() -> Process:
        call = ["demo", "--port", "0", "--data", "practice"]
        demos.append(Process(call, directory=tmp_path, environ=surroundings()))
        return demos[-1].until("Ctrl-C")

    try:
        first = demo()
        url = address(first)
        requester = Persona(url, "requester")
        moved = requester.page.post(
            "panels/press", {"panel": "clock", "control": "day", "values": {}}
        )
        assert moved["ok"]
        ask(requester)
        asked = Persona(url, "approver-1").newest("approvals", containing="Request 1001")
        listed = requester.command("/lapse list").header
        epoch = requester.page.get("state")["clock"]["epoch"]
        eventually(lambda: all_out(tmp_path / "practice"), "every message out")
        said = {m["ts"]: m["text"] for m in everything(requester)}
        first.kill()  # with a post on its way it would first wait for what may still land

        second = demo()
        url = address(second)
        requester = Persona(url, "requester")
        state = requester.page.get("state")
        assert state["clock"]["epoch"] >= epoch
        assert state["clock"]["epoch"] - time.time() > timedelta(hours=23).total_seconds()  # noqa: TID251
        again = {m["ts"]: m["text"] for m in everything(requester)}
        assert {ts: again.get(ts) for ts in said} == said
        assert requester.command("/lapse list").header == listed
        assert replace(asked, page=Persona(url, "approver-1").page).click("Approve")["ok"]
        Persona(url, "approver-1").newest("approvals", containing="Approved")
        assert second.end(signal.SIGINT) == 0
        assert second.complained == ""
    finally:
        for each in demos:
            each.close()


def all_out(data: Path) -> bool:
    """Whether the practice workspace has recorded what became of every message."""
    with closing(sqlite3.connect(f"file:{data / DATABASE}?mode=ro", uri=True)) as connection:
        states = {row[0] for row in connection.execute("SELECT DISTINCT state FROM deliveries")}
    return states.isdisjoint(UNFINISHED)


def address(demo: Process) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", demo.said)
    assert found
    return found[0]


def everything(person: Persona) -> list[dict[str, str]]:
    """What everybody can read in the channels."""
    rooms = ("finops", "approvals", "security")
    return [{"ts": m.ts, "text": m.text} for room in rooms for m in person.posts(room)]


def test_of_two_runs_by_two_names_of_a_file_one_starts_and_its_successor_after_it_was_killed(
    opened: Opened, tmp_path: Path
) -> None:
    at = opened(f"sqlite:///{tmp_path}/lapse.db")
    (tmp_path / "link.db").symlink_to("lapse.db")
    by_link = {"LAPSE_DATABASE_URL": "sqlite:///link.db"}
    first = at.run()

    second = at.lapse("run", **by_link)

    assert second.ended() == 1
    assert "Another `lapse run` uses lapse.db." in second.complained
    first.kill()
    at.lapse("run", **by_link).until("Lapse runs")
    assert not list(tmp_path.glob("link.db?*"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one heap")
def test_all_threads_of_a_bot_share_one_heap_so_that_none_keeps_what_another_could_use(
    opened: Opened, tmp_path: Path
) -> None:
    at = opened(f"sqlite:///{tmp_path}/lapse.db")
    at.load(quota("hk/hk-quota", "SecMaster Standard, 20 ECS", days_ahead(at.clock.now(), 20)))
    runs = at.run()
    eventually(at.posted, "the first reminder")

    assert further_heaps(runs.pid) == 0


def further_heaps(pid: int) -> int:
    """How many heaps glibc has reserved besides the first: 64 MiB each, at a multiple of that."""
    maps = Path(f"/proc/{pid}/maps").read_text("ascii").splitlines()
    spans = [(int(a, 16), int(b, 16)) for a, b in (line.split()[0].split("-") for line in maps)]
    after = dict(spans)
    return sum(after.get(end, 0) - start == HEAP for start, end in spans if start % HEAP == 0)
