"""A channel that may not see figures reads the same messages, *amount hidden* in their place."""

import json
import re
from dataclasses import replace

import pytest

from bot.billing.renewal import AnchorKind
from bot.billing.unsubscription import Event, Verb
from bot.facts.hiding import without_figures
from bot.facts.messages import (
    Discreet,
    Receipt,
    ReminderRest,
    RequestCard,
    RequestLine,
    Settled,
    Timing,
)
from handlers import ids
from handlers.blocks import discreet
from handlers.messenger import content
from tests.factories import NOW, OWNER, cny, instant, usd
from tests.unit.handlers import catalogue, looks, samples
from tests.unit.handlers.test_unsubscribe_card import EVERY_STATE

FIGURE = re.compile(r"USD|CNY|\d[\d,]*\.\d\d\b")
WORSE = "Refund at least USD 1,869.65, before USD 2,010.76."
ITEM = samples.reminder_item()
CNY_ITEM = samples.reminder_item(replace(catalogue.SM_QUOTA, name="Another"), amount=cny("12800"))
NOTICE = samples.reminder_item(catalogue.STATUS_PAGE, kind=AnchorKind.NOTICE)
DIGEST = (ITEM, samples.reminder_item(catalogue.WAF), CNY_ITEM, NOTICE)
SETTLED = [
    replace(ITEM, settled=each, settled_by=OWNER, settled_at=NOW, request_number=1042)
    for each in Settled
]
MESSAGES = {
    **{f"card {r.state.value}": RequestCard(request=r) for r in EVERY_STATE},
    "card stale with figures": RequestCard(request=replace(EVERY_STATE[-1], problem=WORSE)),
    "card dry run": RequestCard(request=replace(samples.done(), dry_run=True)),
    "receipt": Receipt(request=samples.done()),
    "receipt dry run": Receipt(request=replace(samples.done(), dry_run=True)),
    "receipt failed": Receipt(request=samples.failed()),
    "thread line": RequestLine(
        request=samples.waiting(),
        event=Event(number=2, verb=Verb.READ_AGAIN, at=NOW, note=WORSE),
    ),
    **{f"reminder {i.settled.value}": samples.reminder(i) for i in SETTLED},
    "reminder notice": samples.reminder(NOTICE),
    "reminder late": samples.reminder(ITEM, timing=Timing.LATE),
    "digest": samples.reminder(*DIGEST),
    "digest late": samples.reminder(*DIGEST, timing=Timing.LATE),
    "digest settled": samples.reminder(*SETTLED),
    "missed": samples.reminder(*DIGEST, timing=Timing.MISSED),
    "rest": ReminderRest(
        batch_id="b1", count=12, sums=(cny("16000"), usd("6193.20")), zone=samples.SHANGHAI
    ),
}


def seen_by_channel(message):
    hidden = Discreet(message=without_figures(message), delivery_id=samples.DELIVERY)
    return content(hidden)


@pytest.mark.parametrize("name", MESSAGES)
def test_no_figure_is_left_in_text_header_blocks_or_questions(name):
    shown = looks.accepted(seen_by_channel(MESSAGES[name]))

    assert FIGURE.search(shown.text) is None
    assert FIGURE.search(json.dumps(looks.as_json(shown.blocks))) is None


@pytest.mark.parametrize("name", MESSAGES)
def test_figures_are_offered_exactly_where_one_is_missing(name):
    before, shown = content(MESSAGES[name]), seen_by_channel(MESSAGES[name])
    everything = f"{before.text} {json.dumps(looks.as_json(before.blocks))}"

    offered = [e for e in looks.elements(shown.blocks) if e["action_id"] == ids.SHOW_FIGURES]

    assert len(offered) == (1 if FIGURE.search(everything) else 0)
    assert all(each["value"] == samples.DELIVERY for each in offered)


def test_a_reminder_still_says_what_comes_and_when():
    shown = seen_by_channel(samples.reminder())

    assert (
        looks.words(shown.blocks)[0] == ":bell: Amount hidden will be deducted on Mon 23 Nov 2026"
    )
    assert looks.plain(shown.text).startswith(
        "SecMaster Standard, 20 ECS: amount hidden will be deducted on Mon 23 Nov 2026, 03:00"
    )


def test_sums_of_a_digest_do_not_tell_how_many_currencies_there_are():
    shown = seen_by_channel(MESSAGES["rest"])

    assert shown.text.startswith("12 more reminders: amount hidden. They fell due together")


def test_a_finished_request_does_not_say_whether_it_was_more_or_less():
    card, receipt = seen_by_channel(MESSAGES["card done"]), seen_by_channel(MESSAGES["receipt"])

    assert "are gone. Refund at the cloud: amount hidden." in card.text
    assert "Receipt of request 1042: amount hidden back." in receipt.text
    for shown in (card, receipt):
        everything = f"{shown.text} {' '.join(looks.words(shown.blocks))}"
        assert not re.search(r"\b(less|more|as estimated)\b", everything)


def test_an_order_keeps_its_hours_and_a_subscription_its_quantity():
    hidden = without_figures(samples.QUOTA)

    assert hidden.quantity == samples.QUOTA.quantity
    assert hidden.orders[0].effective_at == instant(samples.BOUGHT)
    assert hidden.key == samples.QUOTA.key
    assert hidden.orders[0].cash.is_nan()
    assert hidden.renewal_price.is_nan()


def test_the_private_answer_has_every_figure_and_nothing_to_press():
    message = content(samples.reminder(*DIGEST))

    shown = looks.accepted(discreet.with_figures(message))

    assert shown.text == message.text
    assert "USD 1,080.00" in " ".join(looks.words(shown.blocks))
    assert looks.elements(shown.blocks) == []
    assert len(looks.elements(message.blocks)) > 0
    assert looks.words(shown.blocks)[-1] == "Only you see this."
