"""The ways out, word for word: in `/lapse show`, beside the form, in the window and the working."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bot.billing.account import Account
from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.renewal import AnchorKind, anchor
from bot.billing.subscription import Status, Subscription
from bot.billing.way import WayKind
from bot.billing.ways_out import ways_out
from bot.billing.worst import Cause
from bot.facts.hiding import without_figures
from bot.facts.listing import Shown
from bot.facts.unsubscribing import Draft
from handlers import ids
from handlers.blocks import comparing, figures, showing, unsubscribe, way_words, working
from handlers.forms import Carried
from tests import factories as make
from tests.factories import NOW, cny, instant, order, quota, renewal, resource, usd
from tests.unit.handlers import catalogue, looks, samples, seen

CN = make.account("cn", site=make.CN)
LAB = make.account("lab")
TWO_YEARS = quota(
    "two-years",
    account="lab",
    renewal_price=usd("2000").amount,
    orders=(order("2024-12-07 09:20", months=24, cash="4000.00", cash_coupon="300.00"),),
)
BEFORE_THE_STEP = instant("2025-11-30 10:00")
NEW_IN_CHINA = quota(
    "cn-new",
    account="cn",
    renewal_price=cny("4800").amount,
    orders=(order("2026-11-21 09:20", cash="4800.00", currency="CNY"),),
)
EXPIRED = quota(
    "expired", account="lab", status=Status.EXPIRED, orders=(order("2025-11-12 09:20"),)
)
RENEWED = quota("renewed", account="lab", orders=(order(), renewal(order())))
FIGURE = re.compile(r"\b(?:USD|CNY)\b|\d[\d,]*\.\d\d\b")


def shown(
    subscription: Subscription, account: Account = LAB, *, at: datetime = NOW, **changes: Any
) -> Shown:
    """One subscription and its ways out at an instant."""
    found, ahead = ways_out(subscription, account, at=at), anchor(subscription, account, at=at)
    price, currency = subscription.renewal_price, subscription.currency
    deducted = ahead is not None and ahead.kind is AnchorKind.DEDUCTION
    facts = {
        "account": account,
        "anchor": ahead,
        "amount": Money(price, currency) if deducted and price and currency else None,
        "ways": found.ways,
        "because": found.because,
        "read_at": at,
        "now": at,
    }
    return catalogue.shown(subscription, **(facts | changes))


def renewed(**changes: Any) -> Shown:
    """One whose renewal was charged and has not begun."""
    return shown(RENEWED, at=instant("2026-12-02 10:00"), **changes)


def ways_of(facts: Shown) -> list[str]:
    """The sections of the ways, and the small print below them."""
    return looks.words(looks.accepted(showing.shown(facts)).blocks)[3:-1]


def draft(subscription: Subscription, account: Account = LAB, **changes: Any) -> Draft:
    return samples.draft(subscription, group=(subscription,), account=account, **changes)


def beside(drawn: Draft) -> list[str]:
    """The blocks of the other ways, word for word, after Slack's rules took the form."""
    carried = Carried.fresh(drawn.refs)
    looks.accepted_view(unsubscribe.form(drawn, carried))
    looks.accepted(unsubscribe.message(drawn, carried))
    return looks.words(comparing.beside(drawn))


def test_a_fee_step_ahead_says_from_when_what_comes_back_and_what_waiting_changes():
    facts = shown(TWO_YEARS, at=BEFORE_THE_STEP)

    later, *_, now, _, why = ways_of(facts)

    assert later == (
        "**Unsubscribe later (estimate) · cheapest**\n"
        "From Sun 7 Dec 2025, 10:00 GMT+08:00 you get back USD 1,601.48\n"
        "USD 161.67 more than now: the handling fee falls to 10 %\n"
        "Coupons of USD 300.00 do not come back"
    )
    assert now == (
        "**Unsubscribe now (estimate)**\n"
        "You get back USD 1,439.81, it ends at once\n"
        "Paid USD 4,000.00, consumed USD 1,960.19, fee USD 600.00\n"
        "Last safe moment: Sun 29 Nov 2026, 23:59 GMT+08:00\n"
        "Coupons of USD 300.00 do not come back → [Unsubscribe…]"
    )
    assert why.startswith("Cheapest because waiting until Sun 7 Dec 2025 returns more. ")


def test_within_the_five_days_of_the_chinese_site_waiting_costs_use_and_fee():
    facts = shown(NEW_IN_CHINA, CN)

    now, *_, later, _, _ = ways_of(facts)

    assert now == (
        "**Unsubscribe now (estimate) · cheapest**\n"
        "You get back CNY 4,800.00, it ends at once\n"
        "Paid CNY 4,800.00, consumed CNY 0.00, fee CNY 0.00\n"
        "In full until Thu 26 Nov 2026, 09:19 GMT+08:00 → [Unsubscribe…]"
    )
    assert later == (
        "**Unsubscribe later (estimate)**\n"
        "From Thu 26 Nov 2026, 09:20 GMT+08:00 you get back CNY 4,254.36\n"
        "CNY 545.64 less than now: from then on use and handling fee count"
    )
    assert looks.plain(showing.shown(facts).text).endswith(
        "Unsubscribing later, from Thu 26 Nov 2026, 09:20 GMT+08:00, returns CNY 4,254.36 "
        "(estimate)."
    )


def test_a_new_year_gives_five_day_returns_again():
    bought = quota(
        "late", account="cn", orders=(order("2026-12-29 10:00", cash="4800.00", currency="CNY"),)
    )
    used_up = replace(CN, five_day_returns_used=10)

    later = ways_of(shown(bought, used_up, at=instant("2026-12-30 10:00")))[0]

    assert later.splitlines()[1:] == [
        "From Fri 1 Jan 2027, 00:00 GMT+08:00 you get back CNY 4,800.00",
        "CNY 493.13 more than now: in the new year it comes back in full",
    ]


def test_what_waiting_changes_is_worded_for_every_cause_of_a_jump():
    later = next(
        way for way in shown(TWO_YEARS, at=BEFORE_THE_STEP).ways if way.kind is WayKind.LATER
    )
    jumps = set(Cause) - {Cause.FULL_HOUR, Cause.DAY}

    said = {cause: way_words.waiting(replace(later, cause=cause), None) for cause in jumps}

    assert len(set(said.values())) == len(jumps)
    assert all(words[0].isupper() for words in said.values())


def test_a_hidden_amount_says_why_to_wait_and_not_how_much_it_is():
    facts = without_figures(shown(TWO_YEARS, at=BEFORE_THE_STEP))

    later = ways_of(facts)[0]

    assert later == (
        "**Unsubscribe later (estimate) · cheapest**\n"
        "From Sun 7 Dec 2025, 10:00 GMT+08:00 you get back amount hidden\n"
        "The handling fee falls to 10 %\n"
        "Coupons of amount hidden do not come back"
    )


def test_what_has_expired_with_auto_renewal_on_may_still_be_charged():
    facts = shown(EXPIRED)
    content = looks.accepted(showing.shown(facts))

    said = looks.words(content.blocks)

    assert "**May still be charged**\nTue 24 Nov 2026, 03:00 GMT+08:00" in said[1]
    assert "**Amount expected**\nUSD 3,600.00" in said[1]
    assert said[3:5] == [
        (
            "**Turn auto-renewal off · cheapest**\n"
            "You pay nothing more, it ended on Thu 12 Nov\n"
            "Last safe moment: Mon 23 Nov 2026, 23:59 GMT+08:00\n"
            "Its data is deleted after Sat 12 Dec 2026\n"
            "It has expired, but the cloud may still try to charge until it is released "
            "→ [Turn off auto-renewal]"
        ),
        ("**Do nothing**\nUSD 3,600.00 on Tue 24 Nov for 12 months, if the cloud still charges it"),
    ]
    assert looks.plain(content.text).startswith(
        "SecMaster Professional, 50 ECS, lab: expired, USD 3,600.00 may still be charged, next on "
        "Tue 24 Nov 2026, 03:00 GMT+08:00."
    )
    [off] = [e for e in looks.elements(content.blocks) if e["action_id"] == ids.AUTORENEW_OFF]
    assert looks.plain(off["confirm"]["text"]["text"]) == (
        "SecMaster Professional, 50 ECS ended on Thu 12 Nov 2026, 23:59 GMT+08:00. "
        "USD 3,600.00 will not be deducted."
    )


def test_what_has_expired_with_auto_renewal_off_has_ended_and_nothing_is_called_cheapest():
    said = ways_of(shown(replace(EXPIRED, auto_renew=False)))

    assert said[0] == (
        "**Do nothing**\nYou pay nothing more\nIt ended on Thu 12 Nov\n"
        "Its data is deleted after Sat 12 Dec 2026"
    )
    assert "heapest" not in " ".join(said)


@pytest.mark.parametrize(
    ("renews", "at", "named", "spoken"),
    [
        (False, NOW, "none, auto-renewal is off", "auto-renewal is off"),
        (
            None,
            NOW,
            "not known whether auto-renewal is on",
            "it is not known whether auto-renewal is on",
        ),
    ],
)
def test_no_deduction_ahead_says_truly_why(renews, at, named, spoken):
    content = looks.accepted(showing.shown(shown(quota(account="lab", auto_renew=renews), at=at)))

    assert f"**Next deduction**\n{named} |" in looks.words(content.blocks)[1]
    assert f"expires on Mon 7 Dec 2026, 23:59 GMT+08:00, {spoken}." in content.text


def test_on_the_last_day_without_an_attempt_a_charge_may_still_come():
    last_day = instant("2026-12-07 05:00")

    content = looks.accepted(showing.shown(shown(quota(account="lab"), at=last_day)))

    assert (
        "**May still be charged**\nTue 8 Dec 2026, 03:00 GMT+08:00"
        in looks.words(content.blocks)[1]
    )


def test_an_unknown_auto_renewal_leaves_open_what_doing_nothing_costs():
    said = ways_of(shown(quota(account="lab", auto_renew=None)))

    assert "**Do nothing**\nIt is not known whether it renews; if not, it ends on Mon 7 Dec" in said


def test_a_renewal_that_was_just_charged_can_be_given_back_by_a_button():
    content = looks.accepted(showing.shown(renewed()))

    assert looks.words(content.blocks)[3] == (
        "**Give back the renewal period (estimate) · cheapest**\n"
        "You get back USD 3,600.00, no fee, it ends on Mon 7 Dec\n"
        "Last safe moment: Mon 7 Dec 2026, 23:59 GMT+08:00\n"
        "Turn auto-renewal off as well, or the cloud may charge again, daily at 03:00 GMT+08:00 "
        "→ [Give it back…]"
    )
    [back] = [e for e in looks.elements(content.blocks) if e["action_id"] == ids.GIVE_BACK]
    assert back["value"] == "lab/renewed"


def test_what_is_part_of_a_request_has_no_button_to_leave_once_more():
    facts = renewed(open_request=samples.waiting())

    pressed = looks.buttons(showing.shown(facts).blocks)

    assert "Give it back…" not in pressed
    assert "Unsubscribe…" not in pressed


def test_the_form_for_one_stands_beside_its_other_ways_with_the_reason_for_the_cheapest():
    assert beside(draft(quota(account="lab"))) == [
        "**Other ways out**\nHours are GMT+08:00.",
        (
            "**Turn auto-renewal off · cheapest**\n"
            "Pay nothing and keep it until Mon 7 Dec\n"
            "Possible until Sun 29 Nov, 23:59\n"
            "Its data is deleted after Wed 6 Jan 2027"
            " | **Do nothing**\n"
            "Pay USD 3,600.00 on Mon 30 Nov\n"
            "Back in full until Mon 7 Dec, 23:59"
        ),
        "Cheapest because unsubscribing returns nothing and ends it 14 days earlier.",
    ]


def test_where_unsubscribing_itself_is_cheapest_the_form_says_so():
    said = beside(draft(NEW_IN_CHINA, CN))

    assert said[1].startswith(
        "**Unsubscribe later (estimate)**\n"
        "Get back CNY 4,254.36\n"
        "From Thu 26 Nov, 09:20\n"
        "CNY 545.64 less than now: from then on use and handling fee count | "
        "**Turn auto-renewal off**\n"
    )
    assert said[2] == "Cheapest is to unsubscribe now: it returns CNY 4,800.00 now."


def test_with_auto_renewal_off_the_form_says_what_the_end_of_the_term_takes():
    said = beside(draft(quota(account="lab", auto_renew=False)))

    assert said[1] == (
        "**Do nothing · cheapest**\n"
        "Pay nothing, it ends on Mon 7 Dec\n"
        "Its data is deleted after Wed 6 Jan 2027"
    )


def test_with_an_unknown_auto_renewal_the_form_leaves_the_cost_of_doing_nothing_open():
    assert beside(draft(quota(account="lab", auto_renew=None)))[1] == (
        "**Do nothing**\nNot known whether it renews"
    )


def test_a_renewal_that_can_be_given_back_stands_beside_the_form_for_everything():
    again = quota("renewed", account="lab", orders=(order(), renewal(order("2025-12-07 09:20"))))

    [given, *_] = beside(draft(again))[1].split(" | ")

    assert given == (
        "**Give back the renewal period (estimate) · cheapest**\n"
        "Get back USD 3,600.00, no fee\n"
        "Possible until Mon 7 Dec, 23:59\n"
        "Turn auto-renewal off as well, or the cloud may charge again, daily at 03:00 GMT+08:00"
    )


def test_within_the_five_days_the_window_says_until_when_all_comes_back():
    both = (NEW_IN_CHINA, replace(NEW_IN_CHINA, key=make.key("cn-newer", "cn")))
    drawn = samples.draft(*both, group=both, account=CN)

    said = looks.words(looks.accepted_view(comparing.window(drawn, over_form=True)).blocks)

    assert said[1].startswith(
        "**Unsubscribe now (estimate) · cheapest**\n"
        "Get back CNY 4,800.00, it ends at once\n"
        "In full until Thu 26 Nov, 09:19 | **Unsubscribe later (estimate)**\n"
    )


def test_a_form_without_another_open_way_draws_none():
    drawn = draft(quota(account="lab"))
    [(key, found)] = drawn.ways.items()
    closed = tuple(replace(way, open=way.kind is WayKind.UNSUBSCRIBE) for way in found.ways)

    assert beside(replace(drawn, ways={key: replace(found, ways=closed)})) == []


def test_the_form_for_the_renewal_alone_says_to_turn_auto_renewal_off_as_well():
    again = quota("renewed", account="lab", orders=(order(), renewal(order("2025-12-07 09:20"))))
    drawn = draft(again, scope=Scope.RENEWALS)

    said = beside(drawn)

    assert "Unsubscribe now" not in said[1]
    assert "Give back" not in said[1]
    assert said[2] == (
        "Cheapest is to give back the renewal period: the renewal period comes back in full and "
        "the running term stays. / "
        "Turn auto-renewal off as well, or the cloud may charge again, daily at 03:00 GMT+08:00."
    )


def test_the_other_ways_come_after_the_figures_and_before_the_fields():
    blocks = unsubscribe.form(draft(quota(account="lab")), Carried.fresh(("lab/sm-quota",))).blocks
    told = looks.words(blocks)

    assert told.index("**Other ways out**\nHours are GMT+08:00.") < told.index("Reason")
    assert told.index("**Other ways out**\nHours are GMT+08:00.") > next(
        place for place, words in enumerate(told) if words.startswith("**Paid**")
    )


def test_a_form_in_a_message_reads_the_cheapest_way_aloud():
    content = unsubscribe.message(draft(quota(account="lab")), Carried.fresh(("lab/sm-quota",)))

    assert (
        "Cheapest: turn auto-renewal off, because unsubscribing returns nothing and ends it "
        "14 days earlier." in seen.spoken(content)
    )


def test_several_have_their_ways_in_a_window_with_the_cheapest_of_each():
    drawn = samples.draft()

    window = looks.accepted_view(comparing.window(drawn, over_form=True))
    said = looks.words(window.blocks)

    assert (window.title.text, window.close.text) == ("The ways out", "Go back")
    assert len(said) == 7
    assert said[:2] == [
        "**SecMaster Professional, 50 ECS**\nCheapest because it returns USD 1,299.90 now.",
        (
            "**Unsubscribe now (estimate) · cheapest**\n"
            "Get back USD 1,299.90, it ends at once\n"
            "Possible until Sun 2 May 2027, 23:59"
            " | **Turn auto-renewal off**\n"
            "Pay nothing and keep it until Mon 10 May 2027\n"
            "Possible until Sun 2 May 2027, 23:59\n"
            "Its data is deleted after Wed 9 Jun 2027"
            " | **Do nothing**\n"
            "Pay USD 3,600.00 on Mon 3 May 2027\n"
            "Back in full until Mon 10 May 2027, 23:59"
        ),
    ]
    assert said[2].startswith("**Large screen**\n")
    assert said[-1] == (
        "Hours are GMT+08:00. Rule set huaweicloud-intl/2025-07-25; the cloud's bill is binding."
    )
    assert comparing.beside(drawn) == []


def test_a_window_shows_what_slack_takes_and_counts_the_rest():
    nasty = "<!channel> *free* `x` " + "n" * 300
    many = tuple(resource(f"vm-{n:02}", account="lab", name=f"{n} {nasty}") for n in range(60))
    drawn = samples.draft(*many, group=many, account=LAB, dry_run=True)

    window = looks.accepted_view(comparing.window(drawn, over_form=False))

    assert "and 12 more subscriptions" in looks.words(window.blocks)
    assert len(window.blocks) <= 100
    assert window.close.text == "Close"
    assert window.title.text == "Dry run: the ways out"


def test_the_ways_of_a_hidden_form_keep_their_days_and_lose_their_figures():
    one, several = without_figures(draft(TWO_YEARS)), without_figures(samples.draft())
    windows = [
        *beside(one),
        *looks.words(comparing.window(several, over_form=True).blocks),
        *looks.words(working.working(_quotes(one), ways=_ways(one)).blocks),
    ]

    assert all(FIGURE.search(each) is None for each in windows)
    assert any("Pay amount hidden on Mon 30 Nov" in each for each in windows)
    assert any("Pay nothing and keep it until Mon 7 Dec" in each for each in windows)


def _quotes(drawn: Draft) -> list[tuple[str, Any]]:
    return [(each.label, drawn.plan.quotes[each.key]) for each in drawn.ordered]


def _ways(drawn: Draft) -> Any:
    return drawn.ways[drawn.ordered[0].key].ways


def test_the_working_of_one_has_the_rule_behind_every_way_and_every_notice():
    drawn = draft(quota(account="lab"))

    view = looks.accepted_view(working.working(_quotes(drawn), ways=_ways(drawn), over_form=True))

    assert looks.words(view.blocks)[1:] == [
        (
            "**Ways out (estimate)**"
            "Turn auto-renewal off         R25\n"
            "  pay nothing, cheapest\n"
            "Unsubscribe now               R41\n"
            "  get back USD 0.00\n"
            "Do nothing                    R19\n"
            "  pay USD 3,600.00\n"
            "Give back the renewal period  R45\n"
            "  closed"
        ),
        (
            "**Good to know**\n"
            "• If data collection was on, collector servers and VPC endpoints keep costing until "
            "someone releases them. (R11)\n"
            "• Turn auto-renewal off: Its data is deleted after "
            "Wed 6 Jan 2027. (R12)\n"
            "• Unsubscribe now: It ends at once and cannot be restored. (R35)\n"
            "• Give back the renewal period: Closed until the deduction of Mon 30 Nov 2026, then "
            "open for 7 days. (R45)"
        ),
        "Estimate. Rule set huaweicloud-intl/2025-07-25; the cloud's bill is binding.",
    ]


@pytest.mark.parametrize(
    "facts",
    [
        shown(TWO_YEARS, at=BEFORE_THE_STEP),
        shown(EXPIRED),
        shown(quota(account="lab", auto_renew=None)),
        shown(
            quota(
                account="lab",
                renewal_price=usd("12345678").amount,
                orders=(order("2026-05-10 09:20", cash="12345678.00"),),
            )
        ),
    ],
    ids=["fee step", "expired", "not known", "large"],
)
def test_the_ways_of_a_working_fit_a_phone(facts):
    assert max(len(line) for line in working.way_lines(facts.ways)) <= working.WIDTH


def test_the_working_of_what_cannot_go_says_why_once_and_keeps_the_ways():
    facts = shown(EXPIRED)
    leave = facts.way(WayKind.UNSUBSCRIBE)

    view = looks.accepted_view(
        working.working([(facts.subscription.label, leave.quote)], ways=facts.ways)
    )
    said = looks.words(view.blocks)

    assert said[0] == (
        "**SecMaster Professional, 50 ECS**\n"
        "It expired on Thu 12 Nov 2026; grace until Fri 27 Nov 2026, 23:59 GMT+08:00. (R34)"
    )
    assert " ".join(said).count("grace until") == 1
    assert "Turn auto-renewal off         X4\n  pay nothing, cheapest" in said[1]
    assert (
        "• Turn auto-renewal off: It has expired, but the cloud may still try to charge" in said[2]
    )


def test_orders_that_contradict_each_other_leave_the_reason_with_its_rule():
    facts = shown(quota(account="lab", orders=(order(), order("2026-05-10 09:20"))))

    view = looks.accepted_view(working.working([], ways=facts.ways))
    said = looks.words(view.blocks)

    assert said[0] == working.NOTHING_TO_WORK_OUT
    assert "Unsubscribe now               R47\n  closed" in said[1]
    assert (
        "• Unsubscribe now: order_type is new after the first order; what follows is a renewal "
        "(R47)."
    ) in said[2].splitlines()


def test_of_many_orders_as_many_are_worked_out_as_a_window_takes():
    twice = [
        replace(RENEWED, key=make.key(f"q-{n}", "lab"), service="WAF", name=f"Quota {n}")
        for n in range(60)
    ]
    drawn = samples.draft(*twice, group=tuple(twice), account=LAB)

    view = looks.accepted_view(working.working(_quotes(drawn)))

    assert "and 15 more subscriptions" in looks.words(view.blocks)
    assert len(view.blocks) <= 100


def test_collectors_are_named_once_in_the_form_and_in_its_working():
    drawn = samples.draft()
    form = " ".join(seen.lines(figures.facts(drawn)))
    worked = " ".join(looks.words(working.working(_quotes(drawn)).blocks))

    for said in (form, worked):
        assert said.count("collector servers and VPC endpoints") == 1
    assert "SecMaster Professional, 50 ECS: If data" not in form + worked


def test_a_notice_about_some_of_several_says_whose_it_is():
    items = tuple(
        quota(
            f"cn-{n}",
            account="cn",
            name=f"Quota {n}",
            orders=(order(f"2026-11-{day} 09:20", cash="4800.00", currency="CNY"),),
        )
        for n, day in ((1, "21"), (2, "22"), (3, "01"))
    )
    china = samples.draft(*items, group=items, account=CN)

    [*_, small] = figures.facts(china)
    said = seen.lines([small])

    assert "Quota 1: It is one of 10 five-day returns this year, after 0 before it." in said
    assert "Quota 3: Assumed: the Chinese fee for this term is the international one." in said
    assert "Quota 1 and Quota 2: Assumed: it was provisioned when its order took effect." in said
    assert len(said) == len(set(said))


def test_more_notes_than_slack_takes_are_counted():
    drawn = draft(quota(account="lab"))
    [(key, quote)] = drawn.plan.quotes.items()
    notices = tuple(replace(quote.warnings[0], rule=f"R{n}", text=f"Note {n}.") for n in range(11))
    plan = replace(drawn.plan, quotes={key: replace(quote, warnings=notices)})

    [*_, small] = figures.facts(replace(drawn, plan=plan))

    assert len(seen.lines([small])) == 10
    assert seen.lines([small])[-1] == "and 4 more notes."
