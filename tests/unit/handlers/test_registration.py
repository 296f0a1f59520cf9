"""All conversations on one app: every button that is drawn is bound, every failure answered."""

import inspect
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from slack_bolt import App

import handlers
from bot.facts.messages import BrokenGlass, Overdue, ReminderRest, RequestCard, Settled, Tour
from bot.facts.switching import NewCharges
from bot.services.homing import Homing
from bot.services.listing import Listing
from bot.services.people import People
from bot.services.reminding import Reminding
from bot.services.renewing import Renewing
from bot.services.status import Status
from bot.services.switching import Switching
from bot.services.touring import Touring
from bot.services.unsubscribing import Unsubscribing
from bot.services.vouching import Vouching
from handlers import ids, messenger
from handlers.blocks import (
    delegations,
    home,
    looking,
    recalling,
    renewing,
    settling,
    showing,
    subscriptions,
    switching,
    tour,
    unsubscribe,
    upcoming,
)
from handlers.blocks.looking import Around, Linked
from handlers.forms import Carried
from handlers.turns import Turns
from tests.factories import OWNER, usd
from tests.unit.handlers import contracts, samples, switch_samples
from tests.unit.handlers.catalogue import SCREEN, SM_QUOTA, recalled, sample_page, shown
from tests.unit.handlers.catalogue import upcoming as ahead
from tests.unit.handlers.fakes import (
    POLICY,
    SHANGHAI,
    FakeHoming,
    FakeListing,
    FakePeople,
    FakeReminding,
    FakeRenewing,
    Fakes,
    FakeStatus,
    FakeSwitching,
    FakeTouring,
    FakeUnsubscribing,
    FakeVouching,
)
from tests.unit.handlers.looks import as_json
from tests.unit.handlers.stage import Inline, RecordingClient, Stage, staged
from tests.unit.handlers.test_autorenew import off, result, settings
from tests.unit.handlers.test_deciding import glass_broken, lent
from tests.unit.handlers.test_home import owner
from tests.unit.handlers.test_ways_out import renewed


@pytest.fixture
def everything(
    monkeypatch: pytest.MonkeyPatch, fakes: Fakes, client: RecordingClient
) -> tuple[Stage, set[str]]:
    """The whole of Lapse's listeners, and the names of the actions that are bound."""
    bound: set[str] = set()
    bind = Turns.action

    def remember(self: Turns, action_id: Any, listener: Any) -> None:
        if isinstance(action_id, str):
            bound.add(action_id)
        bind(self, action_id, listener)

    monkeypatch.setattr(Turns, "action", remember)

    def register(app: App) -> None:
        handlers.register(app, fakes.services(), work=Inline())

    return staged(monkeypatch, register, client), bound


def drawn() -> Iterator[Mapping[str, Any]]:
    """Everything that a person can press, over the messages and views of all conversations."""
    around = Around(
        approvals_channel="C0APPROVALS",
        reminders_channel="C0FINOPS",
        schedule=POLICY.schedule,
        here=True,
    )
    waiting = samples.waiting()
    practice = Tour(
        seen=False,
        asked=False,
        decided=False,
        subject_ids=("prod/sm-quota",),
        approvals_channel="C0APPROVALS",
    )
    is_off = replace(samples.HK, auto_renew=False)
    turned_off = samples.reminder_item(is_off, settled=Settled.TURNED_OFF, settled_by=OWNER)
    rest = ReminderRest(batch_id="b", count=3, sums=(usd("1.00"),), zone=SHANGHAI)
    contents = [
        settling.rest(samples.rest_page(samples.reminder_item(), page=2, pages=3)),
        looking.help_(around),
        looking.requests([Linked(request=waiting, link=None)], []),
        looking.request(Linked(request=waiting, link="https://lapse.slack.com/p1")),
        subscriptions.page(sample_page(page=2, previous="ab"), filters=""),
        subscriptions.nothing_found("x", None),
        showing.shown(shown()),
        showing.shown(shown(packages=(SCREEN,), open_request=waiting)),
        showing.shown(renewed()),
        unsubscribe.message(samples.draft(), Carried.fresh(("staging/st-quota",))),
        upcoming.upcoming(ahead()),
        recalling.page(recalled(page=2, pages=3)),
        renewing.turning_off(settings(SM_QUOTA)),
        switching.asked_for(switch_samples.draft(), "s1 {}"),
        switching.reviewing(
            NewCharges(
                number=1042,
                draft=switch_samples.draft(),
                before=[switch_samples.CHARGE],
                acknowledged_at=samples.ASKED,
                why=None,
            ),
            "s1 {}",
        ),
        *(
            messenger.content(RequestCard(request=put(switch_samples.waiting())))
            for put in switch_samples.IN_STATE.values()
        ),
        renewing.turned_off(result(off(SM_QUOTA))),
        messenger.content(samples.reminder(turned_off)),
        tour.tour(practice),
        delegations.listed(lent()),
        messenger.content(RequestCard(request=waiting, breakable=True)),
        messenger.content(
            BrokenGlass(request=glass_broken(), event=glass_broken().events[-1], link="https://a/p")
        ),
        *(
            messenger.content(RequestCard(request=request))
            for request in (
                waiting,
                samples.approved(),
                samples.executing(),
                samples.verifying(),
                samples.done(),
                samples.failed(),
            )
        ),
        *(
            messenger.content(RequestCard(request=request))
            for request in (
                contracts.waiting(),
                contracts.opened(),
                contracts.said(),
                contracts.failed(),
                contracts.done(),
            )
        ),
        messenger.content(
            Overdue(
                request=contracts.failed(), event=contracts.failed().events[-1], link="https://a/p"
            )
        ),
        messenger.content(samples.reminder()),
        messenger.content(samples.reminder(samples.reminder_item(), samples.reminder_item())),
        messenger.content(rest),
    ]
    for content in contents:
        for block in as_json(content.blocks):
            yield from block.get("elements", []) if block["type"] == "actions" else ()
            yield from [block["accessory"]] if "accessory" in block else ()
    form = unsubscribe.form(samples.draft(), Carried.fresh(("staging/st-quota",)))
    for block in as_json(home.home(owner(), {}).blocks) + as_json(form.blocks):
        yield from block.get("elements", []) if block["type"] == "actions" else ()
        yield from [block["accessory"]] if "accessory" in block else ()


def test_every_button_and_menu_that_is_drawn_is_bound(everything):
    _, bound = everything

    unbound = {each["action_id"] for each in drawn()} - bound

    assert unbound == set()


def test_every_drawn_button_tells_a_screen_reader_what_it_is_about():
    silent = [
        each["action_id"]
        for each in drawn()
        if each["type"] == "button" and not each.get("accessibility_label")
    ]

    assert silent == []


def test_no_label_is_longer_than_a_phone_shows():
    long = [
        each["text"]["text"]
        for each in drawn()
        if each["type"] == "button" and len(each["text"]["text"]) > 24
    ]

    assert long == []


def test_ids_are_never_shared():
    names = [
        value for name, value in vars(ids).items() if name.isupper() and isinstance(value, str)
    ]

    assert len(names) == len(set(names))
    assert all(len(name) <= 255 for name in names)


def test_every_word_of_the_contract_is_answered(everything, fakes):
    stage, _ = everything
    fakes.renewing.settings = settings(SM_QUOTA)
    words = ["", "help", "list", "show sm-quota", "upcoming 7", "autorenew off sm-quota"]
    words += ["requests", "remind", "reminders"]

    for word in words:
        assert "is not a command of Lapse" not in stage.command(word)["text"], word


def test_what_fails_before_any_turn_is_acknowledged_and_answered(everything, caplog):
    stage, _ = everything

    def broken(args: Any) -> None:
        raise RuntimeError("the database does not answer")

    stage.app.middleware(broken)
    with caplog.at_level(logging.ERROR):
        answer = stage.command("help")

    assert answer["text"].startswith("That did not work, and nothing was changed.")
    assert any(record.message == "slack.failed" for record in caplog.records)


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (FakeListing, Listing),
        (FakeUnsubscribing, Unsubscribing),
        (FakeVouching, Vouching),
        (FakeReminding, Reminding),
        (FakeRenewing, Renewing),
        (FakeSwitching, Switching),
        (FakeHoming, Homing),
        (FakeStatus, Status),
        (FakePeople, People),
        (FakeTouring, Touring),
    ],
    ids=lambda kind: kind.__name__,
)
def test_the_fakes_are_asked_as_the_use_cases_are(fake, real):
    for name, method in inspect.getmembers(fake, inspect.isfunction):
        if name.startswith("_"):
            continue
        promised = inspect.signature(getattr(real, name)).parameters
        optional = {n for n, p in promised.items() if p.default is not inspect.Parameter.empty}
        asked = [
            n
            for n, p in inspect.signature(method).parameters.items()
            if p.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        missing = [n for n in promised if n not in asked and n not in optional]
        assert [n for n in asked if n not in promised] == [], name
        assert missing == [], name
