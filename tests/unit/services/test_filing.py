"""What the record says of messages, of calls to a cloud, and of settings: each when it happens."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from bot.billing.account import ExecuteMode
from bot.config import Settings
from bot.config.deciding import deciding_settings
from bot.facts.messages import Settled
from bot.ports.messenger import Limited, NotPosted, Undeliverable
from bot.ports.provider import ProviderRefused
from bot.ports.record import Personal
from bot.ports.store import AuditEntry, Store
from bot.services.configuring import record_settings
from bot.services.errors import Incomplete, RequestRefused
from bot.services.filing import Click, Filing
from bot.services.pacing import Limits, Pacing
from bot.services.policy import WhenUnknown
from bot.services.snapshot import digest_of
from bot.services.sweeping import Sweeping
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import (
    APPROVER_1,
    APPROVER_2,
    NOW,
    OUTSIDER,
    OWNER,
    REQUESTER,
    account,
    key,
    order,
    quota,
)
from tests.unit.services.desk import Desk, filled_in, secmaster
from tests.unit.services.rig import FINOPS, SECURITY, Rig, policy

LANDS = timedelta(seconds=40)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock)


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """A reminder for #finops is bundled and due."""
    return due(Rig(store, clock))


def due(rig: Rig, **changes: object) -> Rig:
    rig.know(quota(orders=(order("2025-12-07 09:20"),), owner=None, **changes))
    rig.reminding.arm()
    rig.reminding.bundle_due()
    return rig


def lines(store: Store, prefix: str) -> Sequence[AuditEntry]:
    with store.reading() as tx:
        assert tx.audit.first_bad() is None
        return [each for each in tx.audit.entries() if each.action.startswith(prefix)]


def told(store: Store, prefix: str = "message.") -> Sequence[tuple[str, object]]:
    return [(each.action, each.facts.get("error")) for each in lines(store, prefix)]


def test_a_posted_message_is_recorded_with_its_place_and_without_its_words(rig: Rig) -> None:
    rig.delivering.send_due()

    [shown] = rig.reminders()
    [line] = lines(rig.store, "message.")
    assert (line.actor, line.action, line.at) == ("lapse", "message.posted", rig.clock.now())
    assert line.subject == f"message/{shown.delivery_id}"
    assert line.facts == {
        "delivery": shown.delivery_id,
        "kind": "reminder",
        "channel": FINOPS,
        "ts": shown.ts,
    }


def test_a_message_to_a_person_names_the_person_as_what_can_be_erased(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.know(quota(orders=(order("2025-12-07 09:20"),), owner=OWNER))
    rig.reminding.arm()
    rig.reminding.bundle_due()
    rig.delivering.send_due()

    [direct] = [each for each in lines(store, "message.") if each.facts["channel"] == "direct"]
    assert direct.facts["to"] == OWNER
    with store.transaction() as tx:
        tx.audit.forget(OWNER, at=NOW, actor="operator")
    [direct] = [each for each in lines(store, "message.") if each.facts["channel"] == "direct"]
    assert direct.facts["to"] == "erased"


def test_an_updated_message_is_recorded(rig: Rig) -> None:
    rig.delivering.send_due()
    [shown] = rig.reminders()
    rig.reminding.keep(shown.delivery_id, [key("sm-quota")], by=OWNER)
    rig.delivering.send_due()

    posted, updated = lines(rig.store, "message.")[:2]
    assert updated.action == "message.updated"
    assert updated.facts["ts"] == posted.facts["ts"]
    [kept] = lines(rig.store, "reminder.")
    assert (kept.actor, kept.action) == (OWNER, f"reminder.{Settled.KEPT.value}")


def test_a_message_of_a_request_is_filed_under_the_request(desk: Desk) -> None:
    rig = Rig(desk.store, desk.clock)
    number = desk.ask().number
    rig.delivering.send_due()

    with desk.store.reading() as tx:
        actions = [each.action for each in tx.audit.entries(f"request/{number}")]
    assert actions[0] == "request.asked"
    assert "message.posted" in actions


def test_a_message_whose_answer_is_lost_is_unknown_once_and_then_posted(rig: Rig) -> None:
    rig.messenger.lose_answers = 1
    rig.messenger.history_unreadable = True
    rig.delivering.send_due()
    for _ in range(3):
        rig.clock.advance(LANDS)
        rig.delivering.send_due()
    rig.messenger.history_unreadable = False
    rig.clock.advance(timedelta(hours=1))
    rig.delivering.send_due()

    assert told(rig.store) == [("message.unknown", "timeout"), ("message.posted", None)]


def test_a_message_that_is_never_repeated_is_given_up(rig: Rig) -> None:
    rig.policy = policy(when_unknown=WhenUnknown(repeats=False, after=timedelta(hours=1)))
    rig.start()
    rig.messenger.lose_requests = 1
    rig.messenger.history_unreadable = True
    for _ in range(20):
        rig.delivering.send_due()
        rig.clock.advance(timedelta(minutes=10))

    assert [action for action, _ in told(rig.store)] == ["message.unknown", "message.given-up"]


def test_a_message_that_its_channel_refuses_is_given_up_and_goes_elsewhere(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = due(Rig(store, clock), channel=SECURITY)
    rig.messenger.closed = {SECURITY: "is_archived"}
    rig.run()
    rig.clock.advance(MINUTE)
    rig.run()

    given_up, *others = lines(store, "message.")
    assert (given_up.action, given_up.facts["error"]) == ("message.given-up", "is_archived")
    assert given_up.facts["channel"] == SECURITY
    assert FINOPS in [each.facts["channel"] for each in others if each.action == "message.posted"]


def test_an_update_of_what_is_not_there_any_more_is_given_up(rig: Rig) -> None:
    rig.delivering.send_due()
    [shown] = rig.reminders()
    rig.messenger.shown.clear()
    rig.reminding.keep(shown.delivery_id, [key("sm-quota")], by=OWNER)
    rig.delivering.send_due()

    assert ("message.given-up", "message_not_found") in told(rig.store)


def test_an_update_that_is_refused_for_a_day_is_given_up(rig: Rig) -> None:
    rig.delivering.send_due()
    [shown] = rig.reminders()
    rig.messenger.refusals = [NotPosted("odd_error") for _ in range(500)]
    rig.reminding.keep(shown.delivery_id, [key("sm-quota")], by=OWNER)
    for _ in range(60):
        rig.clock.advance(timedelta(hours=1))
        rig.delivering.send_due()

    assert ("message.given-up", "odd_error") in told(rig.store)


@pytest.mark.parametrize(
    "trouble", [None, Limited("ratelimited", retry_after=5), Undeliverable("x")]
)
def test_a_copy_that_is_taken_back_is_recorded_whatever_comes_after(
    rig: Rig, trouble: Exception | None
) -> None:
    posted_three_times(rig)
    rig.clock.advance(timedelta(seconds=200))
    first, second, third = rig.reminders()
    deleting = rig.messenger.take_back
    done: list[object] = []

    def take_back(at: object) -> None:
        if done and trouble is not None:
            raise trouble
        done.append(at)
        deleting(at)  # type: ignore[arg-type]

    rig.messenger.take_back = take_back  # type: ignore[method-assign]
    sweeping(rig).sweep_due()

    gone = [each.facts["ts"] for each in lines(rig.store, "message.taken-back")]
    assert gone == ([second.ts, third.ts] if trouble is None else [second.ts])
    assert first.ts in [each.ts for each in rig.reminders()]


def posted_three_times(rig: Rig) -> None:
    """Two others stop before their first byte, for longer than their lease."""

    def again() -> None:
        rig.messenger.before_post = last
        rig.clock.advance(MINUTE)
        rig.delivering.send_due()

    def last() -> None:
        rig.messenger.before_post = None
        rig.clock.advance(MINUTE)
        rig.delivering.send_due()

    rig.messenger.before_post = again
    rig.delivering.send_due()


def sweeping(rig: Rig) -> Sweeping:
    return Sweeping(
        store=rig.store,
        clock=rig.clock,
        messenger=rig.messenger,
        pacing=Pacing(Limits()),
        steady_since=lambda: rig.steady_since,
        operators=lambda: (),
    )


def calls(desk: Desk) -> Sequence[tuple[str, object, Mapping[str, object]]]:
    return [(each.action, each.facts["ids"], each.facts) for each in lines(desk.store, "cloud.")]


def test_a_call_that_the_cloud_accepts_is_recorded_and_so_is_that_it_is_gone(desk: Desk) -> None:
    desk.executed("sm-quota")

    (asked, ids, facts), (read, gone, seen), *_ = calls(desk)
    assert (asked, ids, facts["outcome"]) == ("cloud.unsubscribe", ["sm-quota"], "accepted")
    assert facts["items"] == {
        "sm-quota": {"outcome": "accepted", "order": desk.cloud.accepted[0].order_id}
    }
    assert (read, gone, seen["outcome"]) == ("cloud.read", ["sm-quota"], "done")
    assert {each.subject for each in lines(desk.store, "cloud.")} == {"request/1001"}


def test_an_item_that_the_cloud_refuses_is_recorded_with_its_code(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003651", "Another transaction is in progress.")
    desk.executed("sm-quota")

    [facts] = [facts for _, ids, facts in calls(desk) if "sm-screen" in ids]  # type: ignore[operator]
    assert facts["items"]["sm-screen"] == {"outcome": "refused", "code": "CBC.99003651"}  # type: ignore[index]


def test_a_call_that_the_cloud_refuses_bears_its_code_and_the_clouds_own_number(
    desk: Desk,
) -> None:
    refusal = ProviderRefused("No rights.", code="CBC.0151", request_id="r-77")
    desk.cloud.refuses_calls = [refusal]
    desk.executed("sm-quota")

    _, _, facts = calls(desk)[0]
    assert facts == {
        "ids": ["sm-quota"],
        "outcome": "refused",
        "code": "CBC.0151",
        "cloud_request": "r-77",
    }


def test_a_call_that_the_cloud_is_too_busy_for_is_recorded(desk: Desk) -> None:
    desk.cloud.away = 1
    desk.executed("sm-quota", seconds=40)

    outcomes = [(facts["outcome"], facts.get("code")) for _, _, facts in calls(desk)]
    assert outcomes[:2] == [("unavailable", "429"), ("accepted", None)]


@pytest.mark.parametrize(
    ("lost", "found"), [("lose_answers", "done"), ("lose_requests", "not-done")]
)
def test_a_call_whose_answer_is_lost_is_unknown_until_the_cloud_was_read(
    desk: Desk, lost: str, found: str
) -> None:
    setattr(desk.cloud, lost, 1)
    desk.executed("sm-quota", seconds=150)

    asked, read, *_ = calls(desk)
    assert (asked[0], asked[2]["outcome"]) == ("cloud.unsubscribe", "unknown")
    assert (read[0], read[2]["outcome"]) == ("cloud.find-outcome", found)


def test_a_dry_run_calls_nobody_and_records_no_call(store: Store, clock: SettableClock) -> None:
    store._accounts["prod"] = account("prod", execute=ExecuteMode.DRY_RUN)  # type: ignore[attr-defined]
    desk = Desk(store, clock, secmaster("prod"))
    desk.executed("prod/sm-quota")

    assert desk.cloud.calls == []
    assert lines(store, "cloud.") == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [("auto-renew-off", "accepted"), ("read", "done")]),
        ({"ignores_switch": True}, [("auto-renew-off", "accepted"), ("read", "not-done")]),
        (
            {"refuses_calls": [ProviderRefused("No.", code="CBC.1")]},
            [("auto-renew-off", "refused")],
        ),
        ({"away_reading": 1}, [("auto-renew-off", "accepted"), ("read", "unknown")]),
    ],
)
def test_turning_auto_renewal_off_is_recorded_with_every_call(
    desk: Desk, change: Mapping[str, object], expected: Sequence[tuple[str, str]]
) -> None:
    for name, value in change.items():
        setattr(desk.cloud, name, value)
    desk.renewing.turn_off([key("sm-quota")], by=OWNER)

    found = lines(desk.store, "cloud.")
    outcomes = [(each.action.removeprefix("cloud."), each.facts["outcome"]) for each in found]
    assert outcomes == expected
    assert {(each.actor, each.subject) for each in found} == {(OWNER, "default/sm-quota")}


def test_what_was_asked_for_is_recorded_with_what_the_person_wrote_and_ticked(desk: Desk) -> None:
    request = desk.ask(details="Omar said that nobody needs it")

    asked = lines(desk.store, "request.")[0]
    assert asked.facts["details"] == "Omar said that nobody needs it"
    assert asked.facts["acknowledged"] == request.acknowledgement.text
    assert asked.facts["rules"] == request.rules


def test_the_record_proves_what_was_acknowledged_and_that_nothing_else_was_decided(
    desk: Desk,
) -> None:
    request = desk.ask()
    desk.unsubscribing.approve(request.number, by=APPROVER_1)
    held = desk.cloud.held["sm-quota"]
    desk.cloud.held["sm-quota"] = replace(held, orders=(order("2026-05-10 09:20", cash="1.00"),))
    desk.cool_off()
    desk.run()
    review = desk.unsubscribing.review(request.number, by=REQUESTER)
    again = desk.unsubscribing.acknowledge_again(request.number, filled_in(review.draft))
    desk.unsubscribing.approve(request.number, by=APPROVER_2, shown=again.acknowledged_as)
    desk.cool_off()
    desk.run(seconds=15)

    told = [each for each in lines(desk.store, "request.") if each.subject == "request/1001"]
    asked, renewed = [each for each in told if "seen" in each.facts]
    place = told.index(renewed)
    assert [asked.action, renewed.action] == ["request.asked", "request.acknowledged"]
    for line, of_it in ((asked, told[:place]), (renewed, told[place:])):
        seen = line.facts["seen"]
        assert isinstance(seen, dict)
        assert {each.facts["snapshot"] for each in of_it} == {digest_of(seen)}
    assert "request.approved" in [each.action for each in told[:place]]
    assert told[-1].facts["state"] == "done"


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_more_approvals_that_the_settings_ask_for_since_are_not_what_was_acknowledged(
    desk: Desk, decision: str
) -> None:
    desk.ask()
    for required in (2, 3):
        desk.policy = policy(required=required, approvers=(APPROVER_1, APPROVER_2, OUTSIDER))
        desk.start()
        if decision == "reject":
            desk.unsubscribing.reject(1001, by=APPROVER_2, why="We need it.")
            break
        desk.unsubscribing.approve(1001, by=(APPROVER_1, APPROVER_2)[required - 2])
        assert desk.get().required_approvals == required
    else:
        desk.unsubscribing.approve(1001, by=OUTSIDER)
        desk.cool_off()
        desk.run(seconds=15)

    told = [each for each in lines(desk.store, "request.") if each.subject == "request/1001"]
    seen = told[0].facts["seen"]
    assert isinstance(seen, dict)
    assert seen["required_approvals"] == 1
    assert {each.facts["snapshot"] for each in told} == {digest_of(seen)}
    assert told[-1].facts["state"] == ("rejected" if decision == "reject" else "done")


def test_what_is_acknowledged_again_is_so_with_the_approvals_that_are_asked_for_then(
    desk: Desk,
) -> None:
    desk.ask()
    desk.policy = policy(required=2)
    desk.start()
    desk.unsubscribing.approve(1001, by=APPROVER_1)
    desk.unsubscribing.approve(1001, by=APPROVER_2)
    held = desk.cloud.held["sm-quota"]
    desk.cloud.held["sm-quota"] = replace(held, orders=(order("2026-05-10 09:20", cash="1.00"),))
    desk.cool_off()
    desk.run()
    review = desk.unsubscribing.review(1001, by=REQUESTER)
    desk.unsubscribing.acknowledge_again(1001, filled_in(review.draft))

    told = [each for each in lines(desk.store, "request.") if each.subject == "request/1001"]
    renewed = told[-1].facts["seen"]
    assert isinstance(renewed, dict)
    assert renewed["required_approvals"] == 2
    assert told[-1].facts["snapshot"] == digest_of(renewed)
    assert desk.get().acknowledgement.required_approvals is None


def test_the_record_of_what_was_asked_has_figures_and_terms_and_names_nobody(desk: Desk) -> None:
    request = desk.ask()

    asked = lines(desk.store, "request.asked")[0]
    seen = asked.facts["seen"]
    assert isinstance(seen, dict)
    assert (seen["required_approvals"], seen["cooling_off_minutes"], seen["dry_run"]) == (
        1,
        5,
        False,
    )
    assert seen["deadline"] == request.deadline.astimezone(UTC).isoformat()
    assert seen["items"]["default/sm-quota"]["handling_fee"] == "USD 360.00"
    assert seen["steps"] == [
        ["default/sm-quota"],
        ["default/sm-screen", "default/sm-orchestration"],
    ]
    assert asked.facts["approvers"] == [APPROVER_1, APPROVER_2]
    assert "U0" not in json.dumps(seen)
    with desk.store.transaction() as tx:
        tx.audit.forget(APPROVER_1, at=NOW, actor="operator")
    assert lines(desk.store, "request.asked")[0].facts["approvers"] == ["erased", APPROVER_2]


def test_what_a_person_wrote_is_erased_with_the_person_and_what_lapse_notes_stays(
    desk: Desk,
) -> None:
    number = desk.ask().number
    desk.unsubscribing.reject(number, by=APPROVER_1, why="We need it")
    assert lines(desk.store, "request.rejected")[0].facts["note"] == "We need it"

    with desk.store.transaction() as tx:
        tx.audit.forget(APPROVER_1, at=NOW, actor="operator")

    rejected = lines(desk.store, "request.rejected")
    assert {each.actor for each in rejected} == {"erased"}
    assert rejected[0].facts["note"] == "erased"
    assert lines(desk.store, "request.asked")[0].actor == REQUESTER


def test_a_refused_click_is_recorded_in_a_transaction_of_its_own(desk: Desk) -> None:
    request = desk.ask()
    filing = Filing(store=desk.store, clock=desk.clock)
    click = Click(by=REQUESTER, button="request-approve", about=["request/1001"], code="7F3K-9Q2M")

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.approve(request.number, by=REQUESTER)
    filing.refused(click, refused.value)

    [line] = lines(desk.store, "click.")
    assert (line.actor, line.subject) == (REQUESTER, "request/1001")
    assert line.facts == {
        "button": "request-approve",
        "on": ["request/1001"],
        "reason": "CannotApproveOwnRequest",
        "code": "7F3K-9Q2M",
    }


@pytest.mark.parametrize(
    ("about", "subject"), [(["prod/a"], "prod/a"), (["prod/a", "prod/b"], "click"), ([], "click")]
)
def test_a_refused_click_about_one_subscription_is_filed_under_it(
    desk: Desk, about: Sequence[str], subject: str
) -> None:
    filing = Filing(store=desk.store, clock=desk.clock)
    filing.refused(Click(by=OWNER, button="b", about=about, code=""), Incomplete(nothing=True))

    [line] = lines(desk.store, "click.")
    assert (line.subject, line.facts["reason"]) == (subject, "Incomplete")


def test_a_click_that_cannot_be_recorded_is_logged_and_disturbs_nobody(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    class Away:
        def transaction(self) -> None:
            raise ConnectionError

    filing = Filing(store=Away(), clock=desk.clock)  # type: ignore[arg-type]
    filing.refused(Click(by=OWNER, button="b", about=[], code="C"), Incomplete(nothing=True))

    assert [record.message for record in caplog.records] == ["record.unwritten"]


def settings(**changes: object) -> Settings:
    return Settings.model_validate({"approvals": {"approvers": [APPROVER_1]}, **changes})


def start(desk: Desk, given: Settings) -> bool:
    mei = Personal.id("mei")
    return record_settings(desk.store, desk.clock, deciding_settings(given), by=mei)


def test_the_first_start_records_the_settings_and_the_next_nothing(desk: Desk) -> None:
    assert start(desk, settings())
    assert not start(desk, settings())

    [first] = lines(desk.store, "settings.")
    assert (first.actor, first.action, first.subject) == ("mei", "settings.first", "settings")
    assert first.facts["approvals.approvers"] == {"from": None, "to": [APPROVER_1]}
    assert first.facts["accounts.default.execute"] == {"from": None, "to": "live"}


def test_a_changed_setting_is_recorded_from_what_to_what(desk: Desk) -> None:
    start(desk, settings(accounts={"prod": {"provider": "huaweicloud"}}))
    start(
        desk,
        settings(
            approvals={"approvers": ["U0NEW"], "rules": [{"service": "ECS", "required": 2}]},
            accounts={"prod": {"provider": "huaweicloud", "execute": "live"}},
        ),
    )

    changed = lines(desk.store, "settings.")[-1]
    assert changed.action == "settings.changed"
    assert changed.facts["approvals.approvers"] == {"from": [APPROVER_1], "to": ["U0NEW"]}
    assert changed.facts["accounts.prod.execute"] == {"from": "dry-run", "to": "live"}
    assert set(changed.facts) == {
        "approvals.approvers",
        "approvals.rules",
        "accounts.prod.execute",
    }
    with desk.store.transaction() as tx:
        tx.audit.forget(APPROVER_1, at=NOW, actor="operator")
    changed = lines(desk.store, "settings.")[-1]
    assert changed.facts["approvals.approvers"] == {"from": ["erased"], "to": ["U0NEW"]}


def test_an_account_that_is_taken_out_is_recorded(desk: Desk) -> None:
    start(desk, settings(accounts={"prod": {}}))
    start(desk, settings())

    changed = lines(desk.store, "settings.")[-1]
    assert changed.facts["accounts.prod.site"] == {"from": "intl", "to": None}


def test_no_address_is_recorded(desk: Desk) -> None:
    secret = "https://hooks.example.test/services/T0/B0/secret"
    start(
        desk,
        settings(
            operators={"webhook": secret}, accounts={"prod": {"endpoint": "https://u:p@e.test"}}
        ),
    )

    facts = str(lines(desk.store, "settings."))
    assert "secret" not in facts
    assert "e.test" not in facts
