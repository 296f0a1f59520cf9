"""What Lapse itself does about requests: once each, in order, and read back."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.billing.account import CarriedOut, ExecuteMode
from bot.billing.subscription import Edition, Status, Subscription
from bot.billing.unsubscription import ItemState, Request, State, StepState, Verb
from bot.facts.messages import RequestCard
from bot.ports.provider import Call, ItemResult, ProviderRefused
from bot.ports.store import Store
from bot.services import calling
from bot.services.calling import LOOK_EVERY, SETTLED_AFTER, STARTS_WITHIN
from bot.services.errors import NotAllowed, RequestRefused
from bot.services.forgetting import Forgetting
from bot.services.progress import LEASE, Progress
from handlers.blocks.requests import request_card
from storage.requests import SqlRequests
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, OUTSIDER, REQUESTER, account, quota, usd
from tests.unit.services.desk import SECOND, Desk, filled_in, secmaster


def progress(desk: Desk) -> Progress:
    return Progress(store=desk.store, clock=desk.clock, policy=desk.policy)


def next_due(desk: Desk) -> datetime | None:
    with desk.store.reading() as tx:
        return tx.requests.next_due()


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def test_an_approved_request_ends_everything_quota_first(desk: Desk) -> None:
    request = desk.executed("sm-quota")

    assert request.state is State.DONE
    assert request.closed
    assert [call.ids for call in desk.cloud.calls] == [
        ("sm-quota",),
        ("sm-screen", "sm-orchestration"),
    ]
    assert desk.cloud.read(["sm-quota", "sm-screen", "sm-orchestration"]) == {}


def test_nothing_is_sent_before_the_cooling_off_is_over(desk: Desk) -> None:
    desk.approved("sm-quota")

    desk.clock.advance(timedelta(minutes=5) - SECOND)
    desk.run()

    assert desk.state() is State.APPROVED
    assert desk.cloud.calls == []


def test_packages_wait_until_the_quota_is_gone(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()

    desk.run(seconds=1)

    assert desk.state() is State.EXECUTING
    assert [call.ids for call in desk.cloud.calls] == [("sm-quota",)]


def test_packages_wait_until_the_edition_reads_basic(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.edition_reads = Edition.PROFESSIONAL

    desk.run(seconds=20)
    assert len(desk.cloud.calls) == 1

    desk.cloud.edition_reads = None
    desk.run(seconds=20)
    assert desk.state() is State.DONE


def test_an_edition_that_never_falls_back_is_told_and_not_waited_for_for_ever(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.edition_reads = Edition.PROFESSIONAL
    desk.run(seconds=10)

    desk.clock.advance(timedelta(minutes=31))
    desk.run(seconds=2)

    request = desk.get()
    assert request.state is State.FAILED
    assert request.problem == "The edition of ap-southeast-1 still reads professional."


def test_done_says_what_the_cloud_paid_back_and_with_which_order(desk: Desk) -> None:
    desk.cloud.pays_less = usd("0.24")

    request = desk.executed("sm-quota")

    for item in request.items:
        assert item.state is ItemState.GONE
        assert item.refund_order is not None
        assert item.auto_renew_off is True
        assert item.quote.total is not None
        assert item.refund_actual is not None
        assert item.refund_actual < item.quote.total.refund
        assert item.fee_actual == item.quote.total.handling_fee


def test_the_history_names_every_step(desk: Desk) -> None:
    request = desk.executed("sm-quota")

    assert [event.verb for event in request.events] == [
        Verb.ASKED,
        Verb.APPROVED,
        Verb.READ_AGAIN,
        Verb.STARTED,
        Verb.STEP_DONE,
        Verb.STEP_DONE,
        Verb.VERIFYING,
        Verb.VERIFIED,
    ]
    assert request.events[4].note == "edition is basic"


def test_every_change_owes_card_line_note_and_the_end_a_receipt(desk: Desk) -> None:
    request = desk.executed("sm-quota")

    keys = desk.owed()
    lines = [f"request/1001/line/{event.number}" for event in request.events]
    notes = ["1", "2", "2/v3", "4", "7", "8"]
    assert [key for key in keys if "/line/" in key] == lines
    assert sorted(key for key in keys if "/note/" in key) == [
        f"request/1001/note/{n}" for n in notes
    ]
    assert keys.count("request/1001/receipt") == 1
    assert keys[0] == "request/1001/card"
    assert all(f"request/1001/card/v{v}" in keys for v in range(2, request.version + 1))


def test_the_catalogue_shows_at_once_that_it_is_gone(desk: Desk) -> None:
    desk.executed("sm-quota")

    with desk.store.reading() as tx:
        for each in desk.subscriptions:
            held = tx.catalogue.get(each.key)
            assert held is not None
            assert held.status is Status.UNSUBSCRIBED
            assert held.auto_renew is False


def test_facts_worse_than_acknowledged_make_it_stale_and_nothing_is_sent(desk: Desk) -> None:
    desk.approved("sm-quota")
    [paid] = desk.subscriptions[0].orders
    coupon = replace(paid, cash=Decimal("3200.00"), cash_coupon=Decimal(400))
    desk.cloud.change("sm-quota", orders=(coupon,))
    desk.cool_off()

    desk.run(seconds=5)

    request = desk.get()
    assert request.state is State.STALE
    assert request.problem is not None
    assert "coupons lost USD 400.00, acknowledged USD 0.00" in request.problem
    assert desk.cloud.calls == []


def test_what_was_paid_back_already_counts_before_the_next_call(desk: Desk) -> None:
    """The quota went for less than when it was asked for; a screen for less is less than agreed."""
    number = desk.ask("sm-quota").number
    desk.clock.advance(timedelta(hours=71))
    desk.unsubscribing.approve(number, by=APPROVER_1)
    desk.cool_off()
    desk.run()
    assert [call.ids for call in desk.cloud.calls] == [("sm-quota",)]
    [paid] = desk.cloud.held["sm-screen"].orders
    desk.cloud.change("sm-screen", orders=(replace(paid, cash=Decimal(860)),))

    desk.run(seconds=5)

    request = desk.get()
    assert request.state is State.FAILED
    assert request.problem == "Refund at least USD 1,997.93, acknowledged USD 2,010.76."
    assert len(desk.cloud.calls) == 1


def test_what_goes_last_is_quoted_before_the_first_call(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.executing.run_due(limit=1)
    assert desk.state() is State.EXECUTING
    [paid] = desk.cloud.held["sm-screen"].orders
    desk.cloud.change("sm-screen", orders=(replace(paid, cash=Decimal(500)),))

    desk.run(seconds=5)

    assert desk.state() is State.FAILED
    assert desk.cloud.calls == []


def set_to(desk: Desk, **settings: Any) -> None:
    """The settings of its account are others, and it was started again."""
    desk.store._accounts["default"] = account(**settings)  # type: ignore[attr-defined]
    desk.start()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"execute": ExecuteMode.DRY_RUN},
            "default is set to a dry run now; what was acknowledged was live.",
        ),
        (
            {"carried_out": CarriedOut.BY_HAND},
            "default is set so that a person carries it out now, which was not acknowledged.",
        ),
    ],
)
def test_settings_that_changed_since_are_acknowledged_before_anything_is_done(
    desk: Desk, settings: dict[str, Any], said: str
) -> None:
    desk.approved("sm-quota")
    set_to(desk, **settings)
    desk.cool_off()
    desk.run(seconds=15)

    assert desk.cloud.calls == []
    assert (desk.state(), desk.get().problem) == (State.STALE, said)
    review = desk.unsubscribing.review(1001, by=REQUESTER)
    again = desk.unsubscribing.acknowledge_again(1001, filled_in(review.draft))
    assert again.dry_run is ("execute" in settings)
    assert again.by_hand is ("carried_out" in settings)


def test_a_dry_run_that_was_acknowledged_does_not_end_as_one_when_it_is_live_now(
    desk: Desk,
) -> None:
    set_to(desk, execute=ExecuteMode.DRY_RUN)
    desk.approved("sm-quota")
    set_to(desk)
    desk.cool_off()
    desk.run(seconds=15)

    assert desk.get().problem == "default is set live now; what was acknowledged was a dry run."
    assert desk.cloud.calls == []


def test_a_dry_run_set_between_two_steps_lets_no_other_call_out(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003651", "Another transaction is in progress.")
    desk.executed("sm-quota")
    assert desk.state() is State.FAILED
    made = len(desk.cloud.calls)
    desk.cloud.refuses.clear()
    set_to(desk, execute=ExecuteMode.DRY_RUN)

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)

    assert len(desk.cloud.calls) == made
    assert desk.state() is State.FAILED
    assert "is set to a dry run now" in str(desk.get().problem)


def test_a_dry_run_that_failed_is_not_done_by_what_a_person_did(
    store: Store, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store._accounts["prod"] = account("prod", execute=ExecuteMode.DRY_RUN)  # type: ignore[attr-defined]
    desk = Desk(store, clock, secmaster("prod"))
    desk.approved("sm-quota")
    desk.cool_off()
    with monkeypatch.context() as worse:
        worse.setattr(calling, "exceeds", lambda *_: "Refund at least USD 1.00, acknowledged more.")
        desk.run(seconds=1)
    assert desk.state() is State.FAILED

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.by_hand(1001, by=REQUESTER, why="I did it at the console.")

    assert refused.value.sentence == (
        "Request 1001 is a dry run that changes nothing, so nobody does it by hand."
    )
    assert (desk.state(), desk.get().closed) == (State.FAILED, False)
    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)
    assert desk.state() is State.DONE
    assert {item.state for item in desk.get().items} == {ItemState.GONE}


def test_an_item_that_somebody_removed_makes_it_stale(desk: Desk) -> None:
    desk.approved("sm-quota")
    del desk.cloud.held["sm-screen"]
    desk.cool_off()

    desk.run()

    assert desk.state() is State.STALE
    assert desk.get().problem == "Large screen is not at the cloud any more."


def test_an_hour_passing_is_no_change(desk: Desk) -> None:
    number = desk.ask("sm-quota").number
    desk.clock.advance(timedelta(hours=71))
    desk.unsubscribing.approve(number, by=APPROVER_1)
    desk.cool_off()

    desk.run(seconds=60)

    assert desk.state() is State.DONE


def test_nobody_deciding_lets_it_expire(desk: Desk) -> None:
    request = desk.ask("sm-quota")

    desk.clock.set(request.deadline)
    desk.run()
    assert desk.state() is State.WAITING

    desk.clock.set(request.deadline + 2 * SECOND)
    desk.run()
    assert desk.state() is State.EXPIRED
    assert desk.get().closed


def test_a_lost_answer_is_looked_up_and_never_repeated(desk: Desk) -> None:
    desk.cloud.lose_answers = 1

    request = desk.executed("sm-quota")

    assert request.state is State.DONE
    assert [call.ids for call in desk.cloud.calls].count(("sm-quota",)) == 1


def test_a_lost_request_is_sent_again_only_when_reading_is_conclusive(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.lose_requests = 1

    desk.run(seconds=80)
    step = desk.get().steps[0]
    assert step.state is StepState.UNKNOWN
    assert len(desk.cloud.calls) == 1

    desk.run(seconds=60)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls].count(("sm-quota",)) == 2


def test_a_call_whose_intent_took_long_to_record_is_not_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    intend = Progress.intend

    def slowly(*arguments: Any) -> Request | None:
        intended = intend(*arguments)
        desk.clock.advance(STARTS_WITHIN)
        return intended

    monkeypatch.setattr(Progress, "intend", slowly)
    desk.run()

    assert desk.cloud.calls == []
    assert desk.get().steps[0].state is StepState.PLANNED
    monkeypatch.undo()
    desk.run(seconds=15)
    assert desk.state() is State.DONE
    assert len(desk.cloud.calls) == 2


def test_a_reading_that_began_too_early_is_not_conclusive(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.lose_requests = 1
    desk.run(seconds=SETTLED_AFTER.seconds - 10)
    read = desk.cloud.find_outcome

    def slowly(call: Call) -> Sequence[ItemResult]:
        found = read(call)
        desk.clock.advance(timedelta(seconds=20))
        return found

    monkeypatch.setattr(desk.cloud, "find_outcome", slowly)
    desk.run(seconds=5)
    assert desk.get().steps[0].state is StepState.UNKNOWN

    desk.run(seconds=60)
    assert desk.state() is State.DONE


def test_what_may_still_land_is_waited_for_from_a_leap_of_the_clock(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.lose_requests = 1
    desk.run()
    desk.clock.advance(SETTLED_AFTER)
    desk.steady_since = desk.clock.now()  # that was no time that passed

    desk.run(seconds=SETTLED_AFTER.seconds - 10)
    assert desk.get().steps[0].state is StepState.UNKNOWN
    assert len(desk.cloud.calls) == 1

    desk.run(seconds=60)
    assert desk.state() is State.DONE


def test_a_replica_that_was_outrun_has_nobody_look_at_what_has_failed(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003651", "Another transaction is in progress.")
    failed = desk.executed("sm-quota")

    progress(desk).again(replace(failed, version=failed.version - 1), at=desk.clock.now())

    assert next_due(desk) is None


def test_a_replica_that_was_outrun_leaves_the_claim_to_whoever_moved_it_on(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    seen = desk.get()
    desk.cloud.lose_requests = 1
    desk.run()
    due = next_due(desk)
    assert due is not None
    with desk.store.transaction() as tx:
        [claimed] = tx.requests.claim_due(now=due, lease_until=due + LEASE, limit=1)

    progress(desk).again(seen, at=desk.clock.now())

    assert claimed.state is State.EXECUTING
    assert next_due(desk) == due + LEASE


def test_who_decides_at_the_very_deadline_is_not_hurried_by_the_replica_that_expires_it(
    desk: Desk,
) -> None:
    waiting = desk.ask("sm-quota")
    approved = desk.unsubscribing.approve(waiting.number, by=APPROVER_1)

    progress(desk).again(waiting, at=desk.clock.now())

    assert next_due(desk) == approved.starts_at


def test_a_claim_is_given_back_by_what_nobody_changes_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With several writers an approval could come between, and be carried out hours late."""
    desk.ask("sm-quota")
    held: list[int] = []
    hold = SqlRequests.hold

    def noted(self: SqlRequests, number: int) -> Request | None:
        held.append(number)
        return hold(self, number)

    monkeypatch.setattr(SqlRequests, "hold", noted)
    monkeypatch.setattr(SqlRequests, "attend", lambda *_, **__: held.append(0))

    progress(desk).again(desk.get(), at=desk.clock.now() + timedelta(hours=20))

    assert held == [1001, 0]


def test_a_day_later_it_is_looked_at_once_more(desk: Desk) -> None:
    done = desk.executed("sm-quota")
    at = done.second_look_at
    assert at == done.events[-1].at + timedelta(hours=24)
    desk.clock.set(at - SECOND)
    desk.run()
    assert desk.get() == done
    desk.cloud.away_reading = 1
    desk.run(seconds=1)
    assert desk.get() == done  # the cloud is away: later

    desk.run(seconds=60)
    desk.clock.advance(timedelta(days=3))
    desk.run()

    looked = desk.get()
    assert looked.state is State.DONE
    assert [each.verb for each in looked.events[len(done.events) :]] == [Verb.LOOKED_AGAIN]
    assert looked.events[-1].note == "all gone, 3 refund orders of 3 found"
    assert next_due(desk) is None


def test_what_is_back_is_told_to_nobody_who_was_forgotten(desk: Desk) -> None:
    desk.executed("sm-quota")
    Forgetting(store=desk.store, clock=desk.clock).forget(REQUESTER, by="operator")
    desk.deliveries()
    desk.cloud.accepted = [each for each in desk.cloud.accepted if each.id != "sm-screen"]
    desk.cloud.change("sm-screen", status=Status.IN_USE)
    desk.clock.advance(timedelta(days=2))
    desk.run()

    assert desk.get().events[-1].verb is Verb.CAME_BACK
    assert {each.destination for each in desk.deliveries()} == {desk.policy.approvals_channel}


def test_what_is_back_a_day_later_is_told(desk: Desk) -> None:
    done = desk.executed("sm-quota")
    desk.cloud.accepted = [each for each in desk.cloud.accepted if each.id != "sm-screen"]
    desk.cloud.change("sm-screen", status=Status.IN_USE)
    desk.clock.advance(timedelta(hours=24))
    desk.run()

    request = desk.get()
    assert request.state is State.DONE
    assert request.events[-1].verb is Verb.CAME_BACK
    assert request.problem == "Large screen is at the cloud again."
    assert [request.items[n - 1].key.id for n in request.events[-1].items] == ["sm-screen"]
    last = len(request.events)
    news = [f"request/1001/line/{last}", f"request/1001/note/{last}"]
    assert set(news) <= set(desk.owed("request/1001/"))
    assert len(desk.cloud.calls) == len(done.steps)


def test_an_open_answer_is_read_when_somebody_wants_it_now(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.lose_requests = 1
    desk.run()
    assert desk.get().is_open_at_the_cloud
    desk.run()
    assert next_due(desk) == desk.clock.now() + LOOK_EVERY

    desk.unsubscribing.look_now(1001, by=REQUESTER)

    assert next_due(desk) == desk.clock.now()
    with pytest.raises(NotAllowed):
        desk.unsubscribing.look_now(1001, by=OUTSIDER)
    asked = desk.get().events[-1]
    assert (asked.verb, asked.by) == (Verb.ASKED_TO_LOOK, REQUESTER)
    with desk.store.reading() as tx:
        last = list(tx.audit.entries("request/1001"))[-1]
    assert (last.action, last.actor) == ("request.asked-to-look", REQUESTER)
    owed = desk.owed("request/1001/")
    assert f"request/1001/line/{asked.number}" in owed
    assert f"request/1001/note/{asked.number}" not in owed
    desk.run(seconds=120)
    assert desk.state() is State.DONE
    assert len(desk.cloud.calls) == len(desk.get().steps) + 1  # the one that was lost


def test_where_no_answer_is_missing_there_is_nothing_to_look_at(desk: Desk) -> None:
    done = desk.executed("sm-quota")

    with pytest.raises(RequestRefused):
        desk.unsubscribing.look_now(1001, by=REQUESTER)
    assert next_due(desk) == done.second_look_at


def test_three_lost_requests_leave_it_to_people(desk: Desk) -> None:
    desk.cloud.lose_requests = 9

    request = desk.executed("sm-quota", seconds=600)

    assert request.state is State.FAILED
    assert len(desk.cloud.calls) == 3
    assert request.items[0].state is ItemState.REFUSED


def test_a_crash_after_the_intent_is_looked_up_by_the_next_holder(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()

    def die() -> None:
        raise KeyboardInterrupt

    desk.cloud.before_call = die
    with pytest.raises(KeyboardInterrupt):
        desk.run()
    desk.cloud.before_call = None
    desk.start()

    desk.run(seconds=50)
    assert desk.get().steps[0].state is StepState.STARTED
    assert desk.cloud.calls == []

    desk.run(seconds=120)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls].count(("sm-quota",)) == 1


def test_a_crash_after_the_call_does_not_call_again(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    ended = desk.cloud._end

    def answer_and_die(call, ref):
        ended(call, ref)
        raise KeyboardInterrupt

    desk.cloud._end = answer_and_die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        desk.run()
    desk.cloud._end = ended  # type: ignore[method-assign]
    desk.start()

    desk.run(seconds=120)

    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls].count(("sm-quota",)) == 1


def test_a_refused_item_fails_the_request_and_says_so(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003651", "Another transaction is in progress.")

    request = desk.executed("sm-quota")

    assert request.state is State.FAILED
    assert not request.closed
    states = {item.key.id: item.state for item in request.items}
    assert states == {
        "sm-quota": ItemState.GONE,
        "sm-orchestration": ItemState.GONE,
        "sm-screen": ItemState.REFUSED,
    }
    assert request.problem is not None
    assert request.problem.startswith("The cloud refused Large screen: Another transaction")


def test_retry_repeats_only_what_is_still_there(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003651", "Another transaction is in progress.")
    desk.executed("sm-quota")
    desk.cloud.refuses.clear()
    before = len(desk.cloud.calls)

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=30)

    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls[before:]] == [("sm-screen",)]


def test_a_refused_quota_keeps_the_packages(desk: Desk) -> None:
    desk.cloud.refuses_calls.append(ProviderRefused("It is a trial item.", code="CBC.99003649"))

    request = desk.executed("sm-quota")

    assert request.state is State.FAILED
    assert len(desk.cloud.calls) == 1
    assert set(desk.cloud.read(["sm-screen", "sm-orchestration"])) == {
        "sm-screen",
        "sm-orchestration",
    }


def test_a_busy_cloud_is_tried_again_later(desk: Desk) -> None:
    desk.cloud.away = 1

    request = desk.executed("sm-quota", seconds=60)

    assert request.state is State.DONE


def test_a_cloud_that_cannot_be_read_holds_the_request_where_it_is(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.away_reading = 1

    desk.run()
    assert desk.state() is State.APPROVED

    desk.run(seconds=90)
    assert desk.state() is State.DONE


def test_done_by_hand_is_read_back(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003651", "Another transaction is in progress.")
    desk.executed("sm-quota")

    desk.unsubscribing.by_hand(1001, by=REQUESTER, why="Ended in the console.")
    desk.run(seconds=2)
    assert desk.state() is State.FAILED
    assert desk.get().problem == "Large screen is still at the cloud."

    desk.cloud.change("sm-screen", status=Status.UNSUBSCRIBED)
    desk.unsubscribing.by_hand(1001, by=REQUESTER, why="Really ended now.")
    desk.run(seconds=2)
    desk.clock.advance(timedelta(minutes=16))
    desk.run()
    assert desk.state() is State.DONE


def test_what_was_done_by_hand_is_so_in_the_catalogue(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003643", "It is invoiced.")
    desk.executed("sm-quota")
    desk.cloud.change("sm-screen", status=Status.UNSUBSCRIBED)

    desk.unsubscribing.by_hand(1001, by=REQUESTER, why="Ended in the console.")
    desk.run(seconds=2)
    desk.clock.advance(timedelta(minutes=16))
    desk.run()

    assert desk.state() is State.DONE
    with desk.store.reading() as tx:
        held = tx.catalogue.get(desk.cloud.held["sm-screen"].key)
    assert held is not None
    assert (held.status, held.auto_renew) == (Status.UNSUBSCRIBED, False)


def test_what_reads_back_as_there_counts_as_sent_and_is_followed_by_a_retry(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = desk.cloud.held["sm-quota"]
    read, lists = desk.cloud.read, True

    def late(ids: Collection[str]) -> Mapping[str, Subscription]:
        found = dict(read(ids))
        return found | {"sm-quota": there} if lists and desk.state() is State.VERIFYING else found

    monkeypatch.setattr(desk.cloud, "read", late)
    desk.executed("sm-quota")

    failed = desk.get()
    assert (failed.state, failed.problem) == (
        State.FAILED,
        "SecMaster Professional, 50 ECS is still at the cloud.",
    )
    assert [item.state for item in failed.items] == [
        ItemState.SENT,
        ItemState.GONE,
        ItemState.GONE,
    ]
    with desk.store.reading() as tx:
        held = tx.catalogue.get(there.key)
    assert held is not None
    assert held.status is there.status

    lists = False
    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=20)
    assert (desk.state(), len(desk.cloud.calls)) == (State.DONE, 2)
    assert desk.get().items[0].state is ItemState.GONE


Reading = Callable[[Collection[str]], Mapping[str, Subscription]]


def lists_no_more(desk: Desk, *refs: str) -> Reading:
    """Once the cloud took a call its list lacks these, until what came of it is read back."""
    read = desk.cloud.read

    def short(ids: Collection[str]) -> Mapping[str, Subscription]:
        found = dict(read(ids))
        lacks = desk.cloud.accepted and desk.state() is State.EXECUTING
        return {ref: each for ref, each in found.items() if not (lacks and ref in refs)}

    return short


def test_what_was_never_called_and_reads_back_as_there_is_to_be_done_as_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = lists_no_more(desk, "sm-screen", "sm-orchestration")
    with monkeypatch.context() as late:
        late.setattr(desk.cloud, "read", short)
        desk.executed("sm-quota")

    failed = desk.get()
    assert [call.ids for call in desk.cloud.calls] == [("sm-quota",)]
    assert failed.problem == "Large screen and Security orchestration are still at the cloud."
    assert [item.state for item in failed.items] == [
        ItemState.GONE,
        ItemState.PLANNED,
        ItemState.PLANNED,
    ]
    package = failed.steps[1]
    assert (package.state, package.started_at) == (StepState.PLANNED, None)
    said = request_card(RequestCard(request=failed, breakable=False)).text
    assert "1 done, 2 not sent" in said
    assert "2 Large screen · not sent. 3 Security orchestration · not sent." in said
    assert "taken" not in said

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=20)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls] == [
        ("sm-quota",),
        ("sm-screen", "sm-orchestration"),
    ]


def test_what_was_gone_before_the_call_about_the_others_was_not_taken_with_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = lists_no_more(desk, "sm-screen")
    desk.cloud.before_call = lambda: desk.clock.advance(SECOND)
    with monkeypatch.context() as late:
        late.setattr(desk.cloud, "read", short)
        desk.executed("sm-quota")

    failed = desk.get()
    assert [call.ids for call in desk.cloud.calls] == [("sm-quota",), ("sm-orchestration",)]
    assert [item.state for item in failed.items] == [
        ItemState.GONE,
        ItemState.PLANNED,
        ItemState.GONE,
    ]
    assert failed.steps[1].state is StepState.PLANNED

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=20)
    assert desk.state() is State.DONE
    assert [call.ids for call in desk.cloud.calls][2:] == [("sm-screen",)]


def test_verifying_is_there_to_be_seen_before_it_is_tried(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.run()
    while desk.state() is State.EXECUTING:
        desk.run(seconds=1)
    reads = desk.cloud.reads

    desk.run(seconds=1)
    early = (desk.state(), desk.cloud.reads)
    desk.run(seconds=1)

    assert early == (State.VERIFYING, reads)
    assert desk.state() is State.DONE


def test_a_missing_refund_order_is_looked_for_and_then_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.cloud, "refunds", lambda ids, *, since: ())

    desk.executed("sm-quota")
    assert desk.state() is State.VERIFYING

    desk.clock.advance(timedelta(minutes=15))
    desk.run()
    request = desk.get()
    assert request.state is State.DONE
    assert request.events[-1].note == "all gone, 0 refund orders of 3 found"


def test_a_dry_run_ends_done_without_a_single_call(store: Store, clock: SettableClock) -> None:
    store._accounts["prod"] = account("prod", execute=ExecuteMode.DRY_RUN)  # type: ignore[attr-defined]
    desk = Desk(store, clock, secmaster("prod"))

    request = desk.executed("sm-quota")

    assert request.state is State.DONE
    assert request.dry_run
    assert request.second_look_at is None
    assert desk.cloud.calls == []
    assert request.events[-1].note == "dry run: nothing was changed at the cloud"
    with store.reading() as tx:
        held = tx.catalogue.get(desk.subscriptions[0].key)
    assert held is not None
    assert held.status is Status.IN_USE


def test_two_replicas_send_each_step_once(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    other = Desk.__new__(Desk)
    other.__dict__.update(desk.__dict__)
    other.start()
    other.executing._providers = {desk.account.name: desk.cloud}

    for _ in range(60):
        desk.executing.run_due(limit=1)
        other.executing.run_due(limit=1)
        desk.clock.advance(SECOND)

    assert desk.state() is State.DONE
    assert len(desk.cloud.calls) == 2


def test_a_quota_bought_meanwhile_makes_it_stale(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cloud.held["sm-second"] = quota("sm-second", name="Second quota")
    desk.cool_off()

    desk.run()

    assert desk.state() is State.STALE
    problem = desk.get().problem
    assert problem is not None
    assert "Second quota stays" in problem
