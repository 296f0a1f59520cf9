"""A channel that may not see figures reads the same messages, *amount hidden* in their place."""

import json
import re
from dataclasses import replace

import pytest

from bot.billing.renewal import AnchorKind
from bot.billing.unsubscription import Event, Verb
from bot.facts.hiding import seen, without_figures
from bot.facts.listing import UpcomingRow
from bot.facts.messages import (
    Discreet,
    Fresh,
    Receipt,
    ReminderRest,
    RequestCard,
    RequestLine,
    Settled,
    Timing,
)
from bot.facts.renewing import Renewal, Renewals
from handlers import ids
from handlers.blocks import (
    discreet,
    form_fields,
    looking,
    renewing,
    settling,
    showing,
    subscriptions,
    unsubscribe,
    upcoming,
    working,
)
from handlers.blocks.looking import Linked
from handlers.forms import Carried, decode
from handlers.messenger import content
from tests.factories import NOW, OWNER, cny, instant, usd
from tests.unit.handlers import catalogue, looks, samples
from tests.unit.handlers.test_unsubscribe_card import EVERY_STATE, STANDING

FIGURE = re.compile(r"\b(?:USD|CNY)\b|\d[\d,]*\.\d\d\b")
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
    **{f"card {name}": RequestCard(request=each) for name, each in STANDING.items()},
    "card stale with figures": RequestCard(request=replace(EVERY_STATE[-1], problem=WORSE)),
    "card stale with new figures": RequestCard(
        request=EVERY_STATE[-1],
        fresh=Fresh(at=NOW, refund=usd("1900.45"), worst=EVERY_STATE[-1].acknowledgement.worst),
    ),
    "card dry run": RequestCard(request=replace(samples.done(), dry_run=True)),
    "receipt": Receipt(request=samples.done()),
    "receipt dry run": Receipt(request=replace(samples.done(), dry_run=True)),
    "receipt failed": Receipt(request=samples.failed()),
    "thread line stale": RequestLine(
        request=replace(EVERY_STATE[-1], problem=WORSE),
        event=EVERY_STATE[-1].events[-1],
        fresh=Fresh(at=NOW, refund=usd("1900.45"), worst=EVERY_STATE[-1].acknowledgement.worst),
    ),
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


def everything(content_or_view) -> str:
    return json.dumps(
        content_or_view.to_dict()
        if hasattr(content_or_view, "to_dict")
        else [content_or_view.text, looks.as_json(content_or_view.blocks)]
    )


def mine(about) -> bool:
    return all(each.owner == OWNER for each in about)


def nothing(_) -> bool:
    return False


def test_a_list_shows_the_amounts_of_the_readers_own_rows_alone():
    shown = looks.accepted(subscriptions.page(seen(catalogue.sample_page(), mine), filters=""))

    told = " ".join(looks.words(shown.blocks))
    assert "USD 3,600.00" in told
    assert "WAF Standard" in told
    assert "amount hidden" in told
    assert "432.00" not in everything(shown)


def test_sums_of_the_deductions_ahead_leave_hidden_ones_out_and_say_how_many():
    days = (
        catalogue.day(catalogue.SM_QUOTA, catalogue.SCREEN, working="2026-11-27"),
        catalogue.day(catalogue.WAF, working="2026-12-02"),
    )
    mixed = replace(
        days[0], rows=(*days[0].rows, UpcomingRow(subscription=catalogue.WAF, amount=usd("432")))
    )
    ahead = seen(catalogue.upcoming(mixed, days[1]), mine)

    shown = looks.accepted(upcoming.upcoming(ahead))

    told = looks.words(shown.blocks)
    assert told[1].startswith("**USD 4,500.00** in 2 deductions\n2 deductions, amount hidden")
    assert "USD 4,500.00 and 1 hidden" in " ".join(told)
    assert "03:00 · amount hidden" in " ".join(told)
    assert told[-1].endswith("not in the sums. 2 are hidden from you and not in the sums either.")
    assert "USD 4,500.00 in 2 deductions, 2 deductions, amount hidden" in looks.plain(shown.text)
    assert "432.00" not in everything(shown)


@pytest.mark.parametrize("subscription", [catalogue.SM_QUOTA, catalogue.WAF, catalogue.BANDWIDTH])
def test_one_subscription_keeps_its_ways_out_and_loses_its_figures(subscription):
    before = catalogue.shown(subscription)

    shown = looks.accepted(showing.shown(seen(before, nothing)))

    assert FIGURE.search(everything(shown)) is None
    assert looks.buttons(shown.blocks) == looks.buttons(showing.shown(before).blocks)


def test_the_next_deduction_after_an_empty_span_is_hidden_too():
    after = catalogue.day(catalogue.WAF, working="2026-12-02")
    shown = upcoming.upcoming(seen(catalogue.upcoming(sums=(), next_after=after), nothing))

    assert "The next one after that: amount hidden on" in shown.text


def test_a_form_hides_and_does_not_carry_what_the_reader_may_not_see():
    draft = seen(samples.draft(), nothing)
    carried = Carried.fresh(draft.refs)

    view, message = unsubscribe.form(draft, carried), unsubscribe.message(draft, carried)
    back = decode(view.private_metadata)

    looks.accepted_view(view)
    looks.accepted(message)
    for shown in (everything(view), everything(message)):
        assert FIGURE.search(shown) is None
        assert "2010.76" not in shown
    assert back.shown.worst.refund.is_hidden
    assert back.shown.fingerprint == draft.fingerprint


def test_a_hidden_form_that_changed_asks_to_tick_again():
    before, after = seen(samples.draft(), nothing), seen(samples.draft(fingerprint="f2"), nothing)

    view = unsubscribe.form(after, Carried.fresh(after.refs), before=before.worst)

    assert form_fields.fee_block_id(before) != form_fields.fee_block_id(after)
    assert "changed while this was open: refund at least amount hidden" in everything(view)


def test_windows_and_answers_about_auto_renewal_and_requests_hide_figures():
    renewal = Renewal(
        subscription=samples.HK, anchor=ITEM.reminder.anchor, amount=usd("1080"), safe_until=None
    )
    both = seen(Renewals(items=(renewal, renewal), dry_run=False, now=NOW), nothing)
    digest = seen(samples.reminder(*DIGEST), nothing)
    request = without_figures(samples.done())
    worked = working.working([(each.label, each.quote) for each in request.items])

    shown = (
        renewing.turning_off(both),
        renewing.form(both),
        settling.several(digest, samples.DELIVERY),
        settling.rest(seen(samples.rest_page(*samples.reminder(*DIGEST).items), nothing)),
        looking.request(Linked(request=without_figures(samples.waiting()), link=None)),
        worked,
    )

    for each in shown:
        assert FIGURE.search(everything(each)) is None
        assert "amount hidden" in everything(each).lower()


def test_what_the_reader_may_see_stays_as_it_is():
    def all_of_it(_) -> bool:
        return True

    page, draft = catalogue.sample_page(), samples.draft()

    assert seen(page, all_of_it) == page
    assert seen(draft, all_of_it) is draft
