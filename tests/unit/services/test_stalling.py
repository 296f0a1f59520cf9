"""What becomes of a request that cannot go on: people hear of it once, and it ends."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.billing.standstill import GIVEN_UP_AFTER, TAKEN_TOLD_AFTER, UNREAD_TOLD_AFTER
from bot.billing.subscription import Subscription
from bot.billing.unsubscription import Event, Request, State, StepState, Verb
from bot.facts.messages import OperatorWarning, RequesterNote
from bot.ports.provider import Call, ItemResult, ProviderRefused
from bot.ports.store import ChangedMeanwhile, Store
from bot.services.alarming import Trouble, alarm
from bot.services.relieving import relieve, stand, standing
from storage.errors import DatabaseAway
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, APPROVER_2, OUTSIDER, REQUESTER, resource
from tests.fakes import TAKES
from tests.unit.services.desk import LONG, SECOND, Desk, delivering
from tests.unit.services.rig import APPROVALS, policy

QUOTA = "SecMaster Professional, 50 ECS"
FOR_EVER = timedelta(days=3650)
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def away(desk: Desk) -> None:
    """The key is refused wherever something is read."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise ProviderRefused("The key is not valid any more.", code="403")

    for name in ("read", "find_outcome", "edition", "refunds"):
        setattr(desk.cloud, name, refuse)


def back(desk: Desk) -> None:
    """The cloud can be read as before."""
    for name in ("read", "find_outcome", "edition", "refunds"):
        delattr(desk.cloud, name)


def pass_time(desk: Desk, span: timedelta, *, every: timedelta = timedelta(minutes=5)) -> None:
    until = desk.clock.now() + span
    while desk.clock.now() < until:
        desk.clock.set(min(until, desk.clock.now() + every))
        desk.run()


def told(request: Request) -> list[str | None]:
    """What people were told of a standstill."""
    return [event.note for event in request.events if event.verb is Verb.HELD_UP]


def warnings(desk: Desk) -> list[str]:
    """Whom of the operators something was told, about what."""
    return desk.owed("warning/")


def carry(desk: Desk) -> None:
    """Send what is owed, at the pace of one conversation."""
    carrier = delivering(desk)
    for _ in range(10):
        carrier.send_due(limit=1000)
        desk.clock.advance(2 * SECOND)


def approved(desk: Desk) -> Request:
    request = desk.approved("sm-quota")
    desk.cool_off()
    return request


def test_a_cloud_that_cannot_be_read_is_told_once_and_then_the_request_expires(desk: Desk) -> None:
    request = approved(desk)
    away(desk)
    pass_time(desk, UNREAD_TOLD_AFTER - SECOND)
    assert told(desk.get()) == []

    pass_time(desk, 2 * HOUR)
    [said] = told(desk.get())
    assert said == (
        "The cloud of default could not be read: The key is not valid any more. Nothing was "
        "changed yet. Lapse goes on trying until Thu 26 Nov 2026, 11:17 GMT+08:00."
    )
    assert desk.state() is State.APPROVED
    owed = desk.owed()
    assert len([key for key in owed if key.startswith("warning/cloud/default/")]) == 2
    assert [key for key in owed if key.startswith("request/1001/note/3")]

    pass_time(desk, request.good_until - desk.clock.now(), every=HOUR)
    assert desk.state() is State.APPROVED
    pass_time(desk, HOUR)
    ended = desk.get()
    assert (ended.state, ended.closed) == (State.EXPIRED, True)
    assert ended.events[-1].note == (
        "It could not start by Thu 26 Nov 2026, 11:17 GMT+08:00, until when the acknowledged "
        "figures held. The cloud of default could not be read: The key is not valid any more."
    )
    assert len(told(ended)) == 1
    assert desk.cloud.calls == []


def test_the_longer_it_lasts_the_less_often_it_is_tried(desk: Desk) -> None:
    approved(desk)
    away(desk)

    def pause_after(span: timedelta) -> timedelta:
        pass_time(desk, span)
        desk.clock.advance(timedelta(minutes=16))
        desk.run()
        with desk.store.reading() as tx:
            due = tx.requests.next_due()
        assert due is not None
        return due - desk.clock.now()

    assert pause_after(timedelta(minutes=14)) == timedelta(seconds=30)
    assert pause_after(timedelta(minutes=2)) == timedelta(minutes=5)
    assert pause_after(timedelta(minutes=40)) == timedelta(minutes=104) / 10
    assert pause_after(10 * HOUR) == timedelta(minutes=15)


def test_while_nobody_knows_the_approvers_the_approvals_channel_hears_of_it(desk: Desk) -> None:
    approved(desk)
    desk.policy = policy(approvers=("S0GROUP",))
    desk.start()
    desk.directory.groups["S0GROUP"] = [APPROVER_1]
    desk.cloud.takes = FOR_EVER
    desk.run()
    desk.directory.groups.clear()
    assert desk.people.alarmed() == (APPROVALS,)
    pass_time(desk, TAKEN_TOLD_AFTER + HOUR)
    carry(desk)

    assert [each.to for each in desk.messenger.of(OperatorWarning)] == [APPROVALS]


def test_operators_hear_of_trouble_alone(desk: Desk) -> None:
    desk.policy = policy(operators=(OUTSIDER,))
    desk.start()
    assert desk.people.alarmed() == (OUTSIDER,)

    desk.policy = policy()
    desk.start()
    assert desk.people.alarmed() == (APPROVER_1, APPROVER_2)


def test_requester_and_operators_hear_of_it_and_the_older_note_loses_its_button(
    desk: Desk,
) -> None:
    approved(desk)
    carry(desk)
    away(desk)
    pass_time(desk, HOUR)
    carry(desk)

    notes = [each.message for each in desk.messenger.of(RequesterNote)]
    last = next(note for note in notes if note.told and note.told.verb is Verb.HELD_UP)
    assert (last.state, last.current) == (State.APPROVED, True)
    [first] = [n for n in notes if n.told and n.told.verb is Verb.APPROVED]
    assert not first.current
    for each in (APPROVER_1, APPROVER_2):
        to = f"D{each[1:]}"
        [warning] = [shown.message for shown in desk.messenger.of(OperatorWarning, to=to)]
        assert warning.subject == "Lapse cannot read account default"
        assert warning.text == (
            "The cloud of default could not be read: The key is not valid any more. Request 1001 "
            "says what that means for it. Look at it with `lapse doctor`."
        )


def test_several_requests_that_one_cloud_holds_up_are_one_warning(desk: Desk) -> None:
    desk.cloud.held["vm"] = resource("vm", orders=(LONG,))
    with desk.store.transaction() as tx:
        tx.catalogue.put([desk.cloud.held["vm"]], at=desk.clock.now())
    desk.unsubscribing.approve(desk.ask("vm").number, by=APPROVER_1)
    approved(desk)
    away(desk)
    pass_time(desk, HOUR)

    assert len(told(desk.get(1001))) == len(told(desk.get(1002))) == 1
    assert len(warnings(desk)) == 2


def test_who_has_it_looked_at_again_and_again_does_not_put_off_that_people_hear_of_it(
    desk: Desk,
) -> None:
    approved(desk)
    desk.cloud.lose_answers = 1
    desk.run()
    away(desk)

    for _ in range(6):
        pass_time(desk, timedelta(minutes=5))
        desk.unsubscribing.look_now(1001, by=REQUESTER)

    assert len(told(desk.get())) == 1


def test_a_short_absence_is_nobodys_business(desk: Desk) -> None:
    approved(desk)
    away(desk)
    pass_time(desk, UNREAD_TOLD_AFTER - SECOND)
    back(desk)
    pass_time(desk, timedelta(minutes=5), every=SECOND)

    assert desk.state() is State.DONE
    assert told(desk.get()) == []
    assert warnings(desk) == []


def test_once_people_know_a_cloud_that_is_back_goes_on_by_itself(desk: Desk) -> None:
    approved(desk)
    away(desk)
    pass_time(desk, HOUR)
    back(desk)
    pass_time(desk, timedelta(minutes=10), every=SECOND)

    assert desk.state() is State.DONE
    assert len(told(desk.get())) == 1


def shown(desk: Desk) -> list[tuple[str, bool]]:
    """What operators read now of troubles that are over, each with whether it is solved."""
    carry(desk)
    found = [each.message for each in desk.messenger.of(OperatorWarning)]
    return [(each.over, each.solved) for each in found if each.over_at is not None]


def standing_now(desk: Desk) -> list[str]:
    with desk.store.reading() as tx:
        return [subject for subject, _ in standing(tx)]


def test_operators_read_in_the_same_message_that_it_is_solved_and_when(desk: Desk) -> None:
    approved(desk)
    away(desk)
    pass_time(desk, HOUR)
    assert shown(desk) == []
    assert standing_now(desk) == ["Lapse cannot read account default"]
    back(desk)
    pass_time(desk, timedelta(minutes=10), every=SECOND)

    assert shown(desk) == [("account default is read again", True)] * 2
    assert standing_now(desk) == []
    first = desk.messenger.of(OperatorWarning)[0].message
    started = next(each.at for each in desk.get().events if each.verb is Verb.READ_AGAIN)
    assert first.over_at == started


def test_a_request_that_was_stopped_solves_nothing_and_its_warning_is_over(desk: Desk) -> None:
    request = approved(desk)
    away(desk)
    pass_time(desk, HOUR)
    desk.unsubscribing.stop(request.number, by=REQUESTER)

    assert shown(desk) == [("request 1001 ended as stopped", False)] * 2


def test_the_warning_about_what_is_left_as_it_is_is_over(desk: Desk) -> None:
    approved(desk)
    desk.cloud.takes = FOR_EVER
    pass_time(desk, GIVEN_UP_AFTER + HOUR, every=timedelta(minutes=20))
    assert desk.state() is State.FAILED
    assert standing_now(desk) == ["Request 1001 cannot go on"]

    desk.unsubscribing.leave(1001, by=REQUESTER, why="We keep it.")
    assert shown(desk) == [("request 1001 is left as it is", False)] * 2


def test_the_warning_about_what_the_cloud_took_at_last_is_solved(desk: Desk) -> None:
    approved(desk)
    desk.cloud.takes = TAKEN_TOLD_AFTER + HOUR
    pass_time(desk, 2 * HOUR, every=timedelta(minutes=5))
    assert desk.state() is State.EXECUTING  # the packages

    assert shown(desk) == [("request 1001 goes on", True)] * 2


def test_a_warning_about_several_requests_is_over_with_the_last_of_them(desk: Desk) -> None:
    desk.cloud.held["vm"] = resource("vm", orders=(LONG,))
    with desk.store.transaction() as tx:
        tx.catalogue.put([desk.cloud.held["vm"]], at=desk.clock.now())
    desk.unsubscribing.approve(desk.ask("vm").number, by=APPROVER_1)
    approved(desk)
    away(desk)
    pass_time(desk, HOUR)
    desk.unsubscribing.stop(1001, by=REQUESTER)
    assert shown(desk) == []
    back(desk)
    pass_time(desk, timedelta(minutes=6), every=SECOND)

    assert shown(desk) == [("account default is read again", True)] * 2


def test_a_retry_solves_nothing_before_the_cloud_answers(desk: Desk) -> None:
    approved(desk)
    desk.cloud.away = 10**6
    desk.run()
    pass_time(desk, GIVEN_UP_AFTER + HOUR, every=HOUR)
    assert desk.state() is State.FAILED
    desk.unsubscribing.retry(1001, by=REQUESTER)
    pass_time(desk, timedelta(minutes=1))
    assert shown(desk) == []

    desk.cloud.away = 0
    pass_time(desk, timedelta(minutes=10), every=timedelta(seconds=5))
    assert desk.state() is State.DONE
    assert {said for said, _ in shown(desk)} == {"the cloud of account default takes calls again"}


def test_the_same_trouble_within_the_hour_is_a_warning_again(desk: Desk) -> None:
    request = approved(desk)
    trouble = Trouble(about="cloud/default", subject="One", text="of two", since=desk.clock.now())

    def stands() -> None:
        now = desk.clock.now()
        with desk.store.transaction() as tx:
            posts = alarm(tx, trouble, operators=[APPROVER_1], at=now)
            stand(tx, trouble, request, posts=posts, over="it is well", at=now)

    stands()
    with desk.store.transaction() as tx:
        before = replace(request, events=(*request.events, event(request, Verb.HELD_UP)))
        after = replace(before, events=(*before.events, event(before, Verb.READ_AGAIN)))
        relieve(tx, before, after, at=desk.clock.now())
    assert shown(desk) == [("it is well", True)]

    stands()
    assert shown(desk) == []
    assert standing_now(desk) == ["One"]


def event(request: Request, verb: Verb) -> Event:
    return Event(number=len(request.events) + 1, verb=verb, at=request.requested_at)


def test_an_account_without_a_cloud_is_told_and_ends(desk: Desk) -> None:
    approved(desk)
    desk.executing._providers = {}
    pass_time(desk, HOUR)
    assert str(told(desk.get())[0]).startswith("The settings name no cloud for default.")

    pass_time(desk, timedelta(days=4), every=HOUR)
    assert desk.state() is State.EXPIRED


def test_what_the_cloud_took_and_lists_still_is_told_and_left_to_people(desk: Desk) -> None:
    approved(desk)
    desk.cloud.takes = FOR_EVER
    desk.run()
    pass_time(desk, TAKEN_TOLD_AFTER - SECOND, every=timedelta(minutes=1))
    assert told(desk.get()) == []
    pass_time(desk, HOUR)
    assert told(desk.get()) == [
        f"The cloud took the call about {QUOTA} and lists it still. Nothing is asked for twice. "
        "Lapse goes on trying until Tue 24 Nov 2026, 10:17 GMT+08:00."
    ]
    assert any(key.startswith("warning/request/1001/") for key in warnings(desk))

    pass_time(desk, GIVEN_UP_AFTER, every=HOUR)
    request = desk.get()
    assert (request.state, request.closed) == (State.FAILED, False)
    assert request.problem == f"The cloud took the call about {QUOTA} and lists it still."
    assert len(told(request)) == 1


def test_a_retry_of_what_the_cloud_took_looks_first_and_asks_for_nothing_twice(desk: Desk) -> None:
    approved(desk)
    desk.cloud.takes = FOR_EVER
    pass_time(desk, GIVEN_UP_AFTER + HOUR, every=timedelta(minutes=20))
    assert desk.state() is State.FAILED

    desk.unsubscribing.retry(1001, by=REQUESTER)
    pass_time(desk, timedelta(minutes=10))
    assert desk.state() is State.EXECUTING
    assert len(desk.cloud.calls) == 1

    desk.cloud.takes = timedelta(0)
    pass_time(desk, timedelta(minutes=6), every=SECOND)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls].count(("sm-quota",)) == 1


def test_what_the_cloud_took_and_has_no_order_of_any_more_is_sent_again_by_a_second_retry(
    desk: Desk,
) -> None:
    approved(desk)
    desk.cloud.takes = FOR_EVER
    pass_time(desk, GIVEN_UP_AFTER + HOUR, every=timedelta(minutes=20))
    desk.cloud.accepted.clear()
    desk.cloud.takes = TAKES

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)
    assert len(desk.cloud.calls) == 1
    assert (desk.state(), desk.get().problem) == (
        State.FAILED,
        f"The cloud refused {QUOTA}: The cloud took it and has no order of it any more.",
    )

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=30)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls].count(("sm-quota",)) == 2


def test_an_answer_that_was_lost_and_cannot_be_read_is_not_known(desk: Desk) -> None:
    approved(desk)
    desk.cloud.lose_answers = 1
    desk.run()
    away(desk)
    pass_time(desk, HOUR)
    assert len(told(desk.get())) == 1

    pass_time(desk, GIVEN_UP_AFTER, every=HOUR)
    request = desk.get()
    assert request.state is State.FAILED
    assert request.problem == (
        "The cloud of default could not be read: The key is not valid any more. It is not known "
        f"what became of {QUOTA}."
    )

    back(desk)
    desk.unsubscribing.retry(1001, by=REQUESTER)
    pass_time(desk, timedelta(minutes=5), every=SECOND)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls].count(("sm-quota",)) == 1


def test_a_cloud_that_takes_no_call_is_told_and_left_to_people(desk: Desk) -> None:
    approved(desk)
    desk.cloud.away = 10**6
    desk.run()
    pass_time(desk, HOUR)
    assert told(desk.get()) == [
        "The cloud of default takes no call: It asks to slow down. Nothing is asked for twice. "
        "Lapse goes on trying until Tue 24 Nov 2026, 10:17 GMT+08:00."
    ]

    pass_time(desk, GIVEN_UP_AFTER, every=HOUR)
    assert desk.state() is State.FAILED
    assert desk.cloud.calls == []
    assert len(warnings(desk)) == 2  # to each of two, once


def test_what_cannot_be_read_back_is_left_to_people(desk: Desk) -> None:
    approved(desk)
    while desk.state() is not State.VERIFYING:
        desk.run(seconds=1)
    away(desk)
    pass_time(desk, HOUR)
    assert len(told(desk.get())) == 1
    pass_time(desk, GIVEN_UP_AFTER, every=HOUR)
    assert desk.state() is State.FAILED

    back(desk)
    desk.unsubscribing.retry(1001, by=REQUESTER)
    pass_time(desk, timedelta(minutes=20))
    assert desk.state() is State.DONE


def test_a_second_look_that_nobody_could_take_is_told_at_last(desk: Desk) -> None:
    done = desk.executed("sm-quota")
    away(desk)
    pass_time(desk, timedelta(hours=47), every=HOUR)
    assert desk.get().events == done.events
    pass_time(desk, 3 * HOUR, every=HOUR)

    request = desk.get()
    assert request.state is State.DONE
    assert request.events[-1].verb is Verb.NOT_LOOKED
    assert request.second_look_at is None
    assert f"request/1001/note/{len(request.events)}" in desk.owed("request/1001/note/")


def test_nothing_starts_after_the_figures_hold_that_were_acknowledged(desk: Desk) -> None:
    request = approved(desk)
    desk.clock.set(request.good_until + SECOND)
    desk.run(seconds=15)

    ended = desk.get()
    assert ended.state is State.EXPIRED
    assert ended.events[-1].note == (
        "It could not start by Thu 26 Nov 2026, 11:17 GMT+08:00, until when the acknowledged "
        "figures held."
    )
    assert desk.cloud.calls == []


def test_no_step_goes_after_the_figures_hold_that_were_acknowledged(desk: Desk) -> None:
    request = approved(desk)
    desk.cloud.takes = request.good_until - desk.clock.now()
    desk.run(seconds=2)
    assert len(desk.cloud.calls) == 1
    desk.clock.set(request.good_until + SECOND)
    desk.run(seconds=15)

    failed = desk.get()
    assert failed.state is State.FAILED
    assert failed.problem == (
        "The acknowledged figures held until Thu 26 Nov 2026, 11:17 GMT+08:00, so nothing more was "
        "sent."
    )
    desk.unsubscribing.retry(1001, by=APPROVER_1)
    desk.run(seconds=15)
    assert desk.get().problem == failed.problem
    assert len(desk.cloud.calls) == 1


# What nobody expected

SURPRISE = "Lapse came upon an error that it does not know; its log says which."


def answers_nonsense(desk: Desk, *refs: str) -> None:
    """What the cloud says of these, all by default, is not what it should be."""
    read = desk.cloud.read

    def nonsense(ids: Collection[str]) -> Mapping[str, Subscription]:
        if not refs or set(refs).intersection(ids):
            raise KeyError("resources")
        return read(ids)

    desk.cloud.read = nonsense  # type: ignore[method-assign]


def test_what_nobody_expected_is_logged_and_told_and_the_request_expires(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    request = approved(desk)
    answers_nonsense(desk)
    desk.run()
    [logged] = [each for each in caplog.records if each.message == "request.surprise"]
    assert (logged.levelname, logged.__dict__["request"]) == ("ERROR", 1001)
    assert "KeyError: 'resources'" in caplog.text
    pass_time(desk, HOUR)

    assert told(desk.get()) == [
        f"{SURPRISE} Nothing was changed yet. "
        "Lapse goes on trying until Thu 26 Nov 2026, 11:17 GMT+08:00."
    ]
    assert len(warnings(desk)) == 2
    pass_time(desk, request.good_until - desk.clock.now(), every=HOUR)
    assert desk.state() is State.APPROVED

    pass_time(desk, HOUR)
    ended = desk.get()
    assert (ended.state, len(told(ended))) == (State.EXPIRED, 1)
    assert ended.events[-1].note == (
        "It could not start by Thu 26 Nov 2026, 11:17 GMT+08:00, until when the acknowledged "
        f"figures held. {SURPRISE}"
    )
    assert desk.cloud.calls == []


def test_when_the_figures_hold_no_more_nothing_is_read(desk: Desk) -> None:
    request = approved(desk)
    desk.clock.set(request.good_until + SECOND)
    desk.run()

    assert (desk.state(), desk.cloud.reads) == (State.EXPIRED, 0)


def test_what_nobody_expected_of_one_request_does_not_hold_up_another(desk: Desk) -> None:
    desk.cloud.held["vm"] = resource("vm", orders=(LONG,))
    with desk.store.transaction() as tx:
        tx.catalogue.put([desk.cloud.held["vm"]], at=desk.clock.now())
    desk.approved("sm-quota")
    desk.unsubscribing.approve(desk.ask("vm").number, by=APPROVER_1)
    desk.cool_off()
    answers_nonsense(desk, "sm-quota")
    desk.run()

    assert (desk.state(1001), desk.state(1002)) == (State.APPROVED, State.EXECUTING)


def test_a_call_that_ends_as_nobody_expected_is_read_and_not_repeated(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    approved(desk)
    ask, lost = desk.cloud.unsubscribe, 1

    def nonsense(call: Call) -> Sequence[ItemResult]:
        nonlocal lost
        results = ask(call)
        if lost:
            lost = 0
            raise ValueError("no JSON")
        return results

    monkeypatch.setattr(desk.cloud, "unsubscribe", nonsense)
    desk.run()
    assert "ValueError: no JSON" in caplog.text
    assert desk.get().steps[0].state is StepState.UNKNOWN

    desk.run(seconds=30)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls] == [
        ("sm-quota",),
        ("sm-screen", "sm-orchestration"),
    ]


def test_an_answer_that_cannot_be_taken_down_is_read_and_not_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(desk)
    ask = desk.cloud.unsubscribe

    def of_another(call: Call) -> Sequence[ItemResult]:
        ask(call)
        return [ItemResult(id="another", accepted=True)]

    with monkeypatch.context() as mixed_up:
        mixed_up.setattr(desk.cloud, "unsubscribe", of_another)
        desk.run()
    assert desk.get().steps[0].state is StepState.STARTED

    desk.run(seconds=90)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls].count(("sm-quota",)) == 1


def test_what_is_open_at_the_cloud_is_left_to_people_when_its_reading_stays_a_surprise(
    desk: Desk,
) -> None:
    approved(desk)
    desk.cloud.takes = FOR_EVER
    desk.run()
    answers_nonsense(desk)
    pass_time(desk, HOUR)
    assert told(desk.get()) == [
        f"{SURPRISE} Nothing is asked for twice. "
        "Lapse goes on trying until Tue 24 Nov 2026, 10:17 GMT+08:00."
    ]

    pass_time(desk, GIVEN_UP_AFTER, every=HOUR)
    assert (desk.state(), desk.get().problem) == (State.FAILED, SURPRISE)
    assert len(desk.cloud.calls) == 1


@pytest.mark.parametrize("trouble", [DatabaseAway(), ChangedMeanwhile()])
def test_what_befalls_the_store_is_no_surprise(
    desk: Desk, trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(desk)
    desk.clock.advance(HOUR)

    def away(_: Collection[str]) -> Mapping[str, Subscription]:
        raise trouble

    with monkeypatch.context() as lost:
        lost.setattr(desk.cloud, "read", away)
        with pytest.raises(type(trouble)):
            desk.run()

    assert (told(desk.get()), warnings(desk)) == ([], [])
    desk.run(seconds=75)
    assert desk.state() is State.DONE


def test_who_cannot_be_called_to_decide_is_told_to_operators_and_can_decide(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ask("sm-quota")

    def broken(_: Any) -> bool:
        raise KeyError("user")

    with monkeypatch.context() as slack:
        slack.setattr(desk.directory, "has_left", broken)
        pass_time(desk, 4 * HOUR + UNREAD_TOLD_AFTER - SECOND)
        assert warnings(desk) == []
        pass_time(desk, 9 * HOUR)
        warned = [each for each in desk.deliveries() if each.key.startswith("warning/")]
    assert [each.destination for each in warned] == [APPROVER_1, APPROVER_2]
    assert {each.subject["text"] for each in warned} == {
        f"{SURPRISE} People can go on with it as before; nobody is called to until that is over."
    }
    assert told(desk.get()) == []
    pass_time(desk, HOUR)
    assert desk.get().events[-1].verb is Verb.CALLED
    assert desk.unsubscribing.approve(1001, by=APPROVER_1).state is State.APPROVED


def test_a_request_whose_people_cannot_be_looked_up_expires_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ask("sm-quota")

    def broken(_: Any) -> bool:
        raise KeyError("user")

    monkeypatch.setattr(desk.directory, "has_left", broken)
    pass_time(desk, timedelta(hours=80), every=HOUR / 2)

    assert desk.state() is State.EXPIRED
    assert told(desk.get()) == []
