"""What every Messenger and every Directory promises: the fake's, and Slack's over real HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.billing.subscription import SlackUser
from bot.facts.messages import OperatorWarning, Receipt, ReceiptFile
from bot.facts.receipt import Form
from bot.localslack.seed import Channel, Group, Person, Seed
from bot.localslack.server import Fault, LocalSlack
from bot.ports.messenger import Directory, Messenger, NotPosted, Posted, Undeliverable, Unsettled
from handlers.client import SlackClient
from handlers.directory import SlackDirectory
from handlers.messenger import SlackMessenger
from tests.clocks import SettableClock
from tests.messengers import FakeDirectory, FakeMessenger
from tests.unit.handlers import samples

CHANNEL, OWNER, GUEST, BOT, GROUP = "C0FINOPS", "U0OWNER", "U0GUEST", "U0LAPSE", "S0APPROVERS"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stand:
    """One messenger and the ways in which a test lets its workspace misbehave."""

    messenger: Messenger
    directory: Directory
    lose_answer: Callable[[], None]
    lose_request: Callable[[], None]
    limit_rate: Callable[[], None]
    archive: Callable[[], None]
    hide_history: Callable[[], None]
    lose_file: Callable[[], None]
    refuse_files: Callable[[], None]


def seed() -> Seed:
    people = (
        Person(id=OWNER, handle="owner", name="Owner", tz="Asia/Shanghai", is_admin=True),
        Person(id=GUEST, handle="guest", name="Guest", tz="Europe/Berlin", is_restricted=True),
    )
    return Seed(
        people=people,
        channels=(Channel(id=CHANNEL, name="finops", members=(OWNER, GUEST, BOT)),),
        groups=(Group(id=GROUP, handle="approvers", name="Approvers", users=(OWNER,)),),
        manifest={},
        bot_user_id=BOT,
    )


@pytest.fixture(params=["fake", "slack"])
def stand(request, clock: SettableClock, tmp_path: Path) -> Iterator[Stand]:
    if request.param == "fake":
        yield fake(clock)
        return
    slack = LocalSlack(seed=seed(), data=tmp_path, clock=clock)
    slack.start()
    try:
        yield over_http(slack)
    finally:
        slack.stop()


def fake(clock: SettableClock) -> Stand:
    messenger = FakeMessenger(clock)
    return Stand(
        messenger=messenger,
        directory=FakeDirectory(
            zones={OWNER: ZoneInfo("Asia/Shanghai"), GUEST: ZoneInfo("Europe/Berlin")},
            admins={OWNER},
            guests={GUEST},
            groups={GROUP: (SlackUser(OWNER),)},
        ),
        lose_answer=lambda: setattr(messenger, "lose_answers", 1),
        lose_request=lambda: setattr(messenger, "lose_requests", 1),
        limit_rate=lambda: messenger.refusals.append(NotPosted("ratelimited", retry_after=30)),
        archive=lambda: messenger.closed.update({CHANNEL: "is_archived"}),
        hide_history=lambda: setattr(messenger, "history_unreadable", True),
        lose_file=lambda: setattr(messenger, "lose_answers", 1),
        refuse_files=lambda: setattr(messenger, "no_files", "missing_scope"),
    )


def over_http(slack: LocalSlack) -> Stand:
    client = SlackClient(slack.bot_token, base_url=slack.api_url, within=timedelta(seconds=10))

    def arm(kind: str, method: str = "chat.postMessage", *, error: str = "") -> Callable[[], None]:
        return lambda: slack.arm(Fault(kind=kind, method=method, error=error))

    return Stand(
        messenger=SlackMessenger(client),
        directory=SlackDirectory(client, monotonic=lambda: 0.0),
        lose_answer=arm("lost_after"),
        lose_request=arm("lost_before"),
        limit_rate=arm("ratelimited"),
        archive=lambda: slack.archive(CHANNEL),
        hide_history=arm("server_error", "conversations.history"),
        lose_file=arm("lost_after", "files.completeUploadExternal"),
        refuse_files=arm("error", "files.getUploadURLExternal", error="missing_scope"),
    )


def warning(clock: SettableClock, text: str = "Since this morning.") -> OperatorWarning:
    return OperatorWarning(subject="Lapse cannot read prod", since=clock.now(), text=text)


def post(stand: Stand, clock: SettableClock, *, to: str = CHANNEL, thread: str | None = None):
    return stand.messenger.post(warning(clock), to=to, delivery_id="d-1", thread=thread)


def find(stand: Stand, clock: SettableClock, delivery: str = "d-1", **where: str | None):
    asked = {"to": CHANNEL, "since": clock.now() - MINUTE, "until": clock.now() + MINUTE}
    found = stand.messenger.copies(delivery, **{**asked, **where})
    return found[0] if found else None


def copies(stand: Stand, clock: SettableClock):
    around = {"since": clock.now() - MINUTE, "until": clock.now() + MINUTE}
    return list(stand.messenger.copies("d-1", to=CHANNEL, **around))


def test_what_was_posted_is_found_by_its_delivery_and_by_no_other(stand, clock):
    posted = post(stand, clock)

    assert posted.channel == CHANNEL
    assert find(stand, clock) == posted
    assert find(stand, clock, "d-2") is None


def test_a_direct_message_is_found_in_the_conversation_with_that_person(stand, clock):
    posted = post(stand, clock, to=OWNER)

    assert posted.channel.startswith("D")
    assert find(stand, clock, to=OWNER) == posted
    assert find(stand, clock) is None


def test_a_reply_is_found_in_its_thread_alone(stand, clock):
    root = stand.messenger.post(warning(clock), to=CHANNEL, delivery_id="root")
    reply = post(stand, clock, thread=root.ts)

    assert find(stand, clock, thread=root.ts) == reply
    assert find(stand, clock) is None


def test_outside_of_the_searched_time_nothing_is_found(stand, clock):
    post(stand, clock)
    clock.advance(timedelta(minutes=5))

    assert find(stand, clock) is None


def test_an_answer_lost_after_posting_is_unsettled_and_the_message_is_there(stand, clock):
    stand.lose_answer()

    with pytest.raises(Unsettled):
        post(stand, clock)

    assert find(stand, clock) is not None


def test_a_request_that_never_arrived_is_unsettled_and_nothing_is_there(stand, clock):
    stand.lose_request()

    with pytest.raises(Unsettled):
        post(stand, clock)

    assert find(stand, clock) is None


def test_a_rate_limit_says_when_to_try_again_and_nothing_is_posted(stand, clock):
    stand.limit_rate()

    with pytest.raises(NotPosted) as refused:
        post(stand, clock)

    assert refused.value.retry_after == 30
    assert find(stand, clock) is None


def test_an_archived_channel_is_undeliverable(stand, clock):
    stand.archive()

    with pytest.raises(Undeliverable) as refused:
        post(stand, clock)

    assert refused.value.error == "is_archived"


def test_a_history_that_cannot_be_read_is_never_taken_for_nothing(stand, clock):
    post(stand, clock)
    stand.hide_history()

    with pytest.raises(Unsettled):
        find(stand, clock)


def test_an_update_keeps_the_message_findable_and_one_of_nothing_is_undeliverable(stand, clock):
    posted = post(stand, clock)

    stand.messenger.update(warning(clock, "Solved."), at=posted)

    assert find(stand, clock) == posted
    with pytest.raises(Undeliverable):
        stand.messenger.update(warning(clock), at=Posted(CHANNEL, "1000000000.000000"))


def test_every_copy_is_found_the_earliest_first_and_can_be_taken_back(stand, clock):
    first = post(stand, clock)
    clock.advance(timedelta(seconds=1))
    second = post(stand, clock)

    assert copies(stand, clock) == [first, second]
    stand.messenger.take_back(second)

    assert copies(stand, clock) == [first]
    stand.messenger.take_back(second)


def test_copies_that_cannot_be_read_are_never_taken_for_none(stand, clock):
    post(stand, clock)
    stand.hide_history()

    with pytest.raises(Unsettled):
        copies(stand, clock)


PDF, JSON = (ReceiptFile(receipt=Receipt(request=samples.done()), form=form) for form in Form)
PDF_ID, JSON_ID = "5c1f0d2e-7a0b-5b55", "6a1f0d2e-7a0b-5b55"


def attach(stand: Stand, file: ReceiptFile, delivery: str, *, thread: str):
    return stand.messenger.post(file, to=CHANNEL, delivery_id=delivery, thread=thread)


@pytest.fixture
def root(stand: Stand, clock: SettableClock) -> str:
    return stand.messenger.post(warning(clock), to=CHANNEL, delivery_id="root").ts


def test_a_file_is_found_in_its_thread_by_its_delivery_and_by_no_other(stand, clock, root):
    page = attach(stand, PDF, PDF_ID, thread=root)
    clock.advance(timedelta(seconds=1))
    data = attach(stand, JSON, JSON_ID, thread=root)

    assert page != data
    assert find(stand, clock, PDF_ID, thread=root) == page
    assert find(stand, clock, JSON_ID, thread=root) == data
    assert find(stand, clock, "7a1f0d2e-7a0b-5b55", thread=root) is None
    assert find(stand, clock, PDF_ID) is None


def test_an_answer_lost_after_a_file_was_shared_is_unsettled_and_the_file_is_there(
    stand, clock, root
):
    stand.lose_file()

    with pytest.raises(Unsettled):
        attach(stand, PDF, PDF_ID, thread=root)

    assert find(stand, clock, PDF_ID, thread=root) is not None


def test_a_file_that_is_refused_closes_no_channel_and_messages_still_go(stand, clock, root):
    stand.refuse_files()

    with pytest.raises(Undeliverable) as refused:
        attach(stand, PDF, PDF_ID, thread=root)

    assert (refused.value.error, refused.value.closed) == ("missing_scope", False)
    assert post(stand, clock, thread=root)
    assert find(stand, clock, PDF_ID, thread=root) is None


def test_a_second_copy_of_a_file_can_be_taken_back(stand, clock, root):
    first = attach(stand, PDF, PDF_ID, thread=root)
    clock.advance(timedelta(seconds=1))
    second = attach(stand, PDF, PDF_ID, thread=root)
    around = {"since": clock.now() - MINUTE, "until": clock.now() + MINUTE}

    def there():
        return stand.messenger.copies(PDF_ID, to=CHANNEL, thread=root, **around)

    assert there() == [first, second]
    stand.messenger.take_back(second)
    assert there() == [first]


def test_a_message_has_a_link(stand, clock):
    link = stand.messenger.link(post(stand, clock))

    assert link is not None
    assert link.startswith("http")


def test_the_directory_knows_zones_admins_guests_and_groups(stand):
    directory = stand.directory

    assert directory.zone(SlackUser(OWNER)) == ZoneInfo("Asia/Shanghai")
    assert directory.is_admin(SlackUser(OWNER))
    assert not directory.is_admin(SlackUser(GUEST))
    assert directory.is_guest(SlackUser(GUEST))
    assert not directory.is_guest(SlackUser(OWNER))
    assert list(directory.group_members(GROUP) or ()) == [OWNER]
    assert directory.unread_for(GROUP) == timedelta(0)


def test_the_directory_takes_a_stranger_for_nobody_with_rights(stand):
    stranger = SlackUser("U0STRANGER")

    assert stand.directory.zone(stranger) == ZoneInfo("UTC")
    assert not stand.directory.is_admin(stranger)
    assert not stand.directory.is_guest(stranger)
    assert not stand.directory.is_bot(stranger)
    assert stand.directory.group_members("S0NOTHING") is None
