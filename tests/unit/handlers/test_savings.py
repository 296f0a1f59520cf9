"""`/lapse savings`: what is asked of the use case, and how the three figures read."""

from datetime import date

import pytest

from bot.billing.money import Money
from bot.billing.savings import Stage
from bot.facts.saving import By, Figures, Savings, SavingsQuery, SavingsRow
from handlers import ids
from handlers.blocks import savings
from tests.factories import OUTSIDER, OWNER, cny, usd
from tests.unit.handlers.fakes import SHANGHAI
from tests.unit.handlers.looks import accepted, buttons, elements, plain, words

EXPLAINED = (
    "The same money at three stages, never to be added up. A refund is money back, a renewal "
    "avoided is money not spent."
)
ALL = SavingsQuery()
DAYS = SavingsQuery(first=date(2026, 11, 1), last=date(2026, 11, 30))


def figures(read: str, least: str, renewals: str, many: int, currency: str = "USD") -> Figures:
    zero = Money.zero(currency)
    known = [zero + Money(usd(each).amount, currency) for each in (read, least, renewals)]
    return Figures(
        refund_at_cloud=known[0],
        refund_estimate=known[1],
        renewals=known[2],
        subscriptions=many,
    )


def row(group: str | None = None, currency: str = "USD") -> SavingsRow:
    return SavingsRow(
        group=group,
        currency=currency,
        figures={
            Stage.DECIDED: figures("0", "2010.76", "5400", 3, currency),
            Stage.EXECUTED: figures("1299.90", "740.79", "5400", 3, currency),
            Stage.VERIFIED: figures("1299.90", "0", "3600", 1, currency),
        },
    )


def found(*rows: SavingsRow, query: SavingsQuery = ALL, **besides: int) -> Savings:
    return Savings(query=query, zone=SHANGHAI, rows=rows, **besides)


def shown(facts: Savings) -> list[str]:
    return [plain(each) for each in words(accepted(savings.savings(facts)).blocks)]


def test_each_stage_is_a_line_and_an_estimate_says_so():
    assert shown(found(row())) == [
        "Savings",
        "So far · each figure by its own date",
        (
            "**USD**\n"
            "• **Decided** · refund at least USD 2,010.76 (estimate) · "
            "renewals of USD 5,400.00 avoided (estimate) · 3 subscriptions\n"
            "• **Executed** · refund USD 1,299.90 at the cloud · "
            "refund at least USD 740.79 (estimate) · "
            "renewals of USD 5,400.00 avoided (estimate) · 3 subscriptions\n"
            "• **Verified** · refund USD 1,299.90 at the cloud · "
            "renewals of USD 3,600.00 avoided (estimate) · 1 subscription"
        ),
        EXPLAINED,
        "[By month] [By account] [By service] [By owner]",
        "Days are Asia/Shanghai. Only you see this.",
    ]


def test_who_hears_it_hears_every_figure():
    said = plain(savings.savings(found(row("2026-11"), query=SavingsQuery(by=By.MONTH))).text)

    assert said.startswith("Savings so far, each figure by its own date. 2026-11, USD, decided: ")
    for each in ("2,010.76 (estimate)", "1,299.90 at the cloud", "3,600.00 avoided (estimate)"):
        assert each in said


def test_what_came_to_no_stage_yet_says_so():
    nothing = figures("0", "0", "0", 0)
    decided = SavingsRow(
        group=None,
        currency="USD",
        figures={**row().figures, Stage.EXECUTED: nothing, Stage.VERIFIED: nothing},
    )

    assert "• **Executed** · nothing yet\n• **Verified** · nothing yet" in shown(found(decided))[2]


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Stage.DECIDED, "refund at least USD 0.00 (estimate) · 2 subscriptions"),
        (Stage.VERIFIED, "refund USD 0.00 at the cloud · 2 subscriptions"),
    ],
)
def test_nothing_is_a_figure_too(stage, said):
    nothing = SavingsRow(
        group=None, currency="USD", figures={**row().figures, stage: figures("0", "0", "0", 2)}
    )

    assert f"{stage.value.capitalize()}** · {said}" in shown(found(nothing))[2]


@pytest.mark.parametrize(
    ("by", "group", "title", "heard"),
    [
        (By.MONTH, "2026-11", "**2026-11**** · USD**", "2026-11, USD, decided"),
        (By.OWNER, "U0OWNER", "<@U0OWNER>** · USD**", "<@U0OWNER>, USD, decided"),
        (By.OWNER, None, "**no owner**** · USD**", "no owner, USD, decided"),
        (By.SERVICE, None, "**no service**** · USD**", "no service, USD, decided"),
        (By.SERVICE, "<!channel> & *co*", "**<!channel> & *co***** · USD**", "&lt;!channel&gt;"),
    ],
)
def test_a_group_is_named(by, group, title, heard):
    facts = found(row(group), query=SavingsQuery(by=by))

    assert shown(facts)[2].startswith(f"{title}\n")
    assert heard in savings.savings(facts).text


def test_currencies_stand_beside_each_other():
    said = shown(found(row(currency="CNY"), row()))

    assert [each.split("\n")[0] for each in said[2:4]] == ["**CNY**", "**USD**"]
    assert str(cny(5400)) in said[2]


def test_many_groups_fit_a_message_and_the_rest_is_told():
    many = [row(f"service-{n}" + "x" * 200) for n in range(40)]

    said = shown(found(*many, query=SavingsQuery(by=By.SERVICE)))

    assert sum("**Decided**" in each for each in said) == savings.SHOWN
    assert "28 more groups: run `lapse savings --by service`." in said[-3]


@pytest.mark.parametrize(
    ("besides", "said"),
    [
        ({"renewals_not_known": 1}, "1 renewal avoided whose amount is not known."),
        (
            {"refunds_not_found": 2},
            "2 verified refunds whose order the cloud does not show yet.",
        ),
        ({"hidden": 3}, "3 subscriptions whose amounts you may not see."),
        (
            {"dry_runs": 1},
            "1 subscription of dry runs, of which nothing was changed at the cloud.",
        ),
    ],
)
def test_what_is_in_no_sum_is_said(besides, said):
    assert f"Not in the sums: {said}" in shown(found(row(), **besides))[3]
    assert shown(found(**besides))[1] == f"Not in the sums: {said}"
    assert f"Not in the sums: {said}" in savings.savings(found(**besides)).text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (ALL, "so far"),
        (DAYS, "from Sun 1 Nov 2026 to Mon 30 Nov 2026"),
        (SavingsQuery(first=DAYS.first), "from Sun 1 Nov 2026 on"),
        (SavingsQuery(last=DAYS.last), "until Mon 30 Nov 2026"),
    ],
)
def test_the_days_are_said(query, said):
    assert shown(found(query=query)) == [f"Nothing was saved {said}."]
    assert said in savings.savings(found(row(), query=query)).text


def test_a_group_is_left_by_a_button_that_keeps_the_days():
    query = SavingsQuery(first=DAYS.first, last=DAYS.last, by=By.MONTH)
    blocks = savings.savings(found(row("2026-11"), query=query)).blocks

    assert buttons(blocks) == ["By account", "By service", "By owner", "All together"]
    assert [each["value"] for each in elements(blocks)] == [
        "by:account from:2026-11-01 until:2026-11-30",
        "by:service from:2026-11-01 until:2026-11-30",
        "by:owner from:2026-11-01 until:2026-11-30",
        "from:2026-11-01 until:2026-11-30",
    ]


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("", ALL),
        ("all", ALL),
        ("by:month", SavingsQuery(by=By.MONTH)),
        (" BY:Owner  from:2026-11-01 ", SavingsQuery(by=By.OWNER, first=DAYS.first)),
        ("from:2026-11-01 until:2026-11-30", DAYS),
    ],
)
def test_the_command_reads_days_and_groups(stage, fakes, typed, query):
    answer = stage.command(f"savings {typed}")

    assert fakes.saving.queries == [query]
    assert answer["response_type"] == "ephemeral"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "by:team",
            "`by:team` is not a by. It is one of month, account, service, owner.",
        ),
        ("from:soon", "`from:soon` is not a date. Write `from:2026-12-31`."),
        (
            "mine",
            "`mine` says nothing about savings. "
            "Write `/lapse savings by:month from:2026-01-01 until:2026-12-31`.",
        ),
        (
            "from:2026-12-01 until:2026-11-01",
            "`until:2026-11-01` is before `from:2026-12-01`. Write the earlier day first.",
        ),
    ],
)
def test_what_is_not_understood_is_said_with_the_way_to_write_it(stage, fakes, typed, said):
    assert stage.command(f"savings {typed}")["text"] == said
    assert fakes.saving.queries == []


@pytest.mark.parametrize(("user", "sees"), [(OWNER, True), (OUTSIDER, False)])
def test_only_what_the_reader_may_see_is_added_up(stage, fakes, user, sees):
    stage.command("savings", user=user)

    assert fakes.saving.seen_by == [sees]


def test_a_button_groups_in_place(stage, fakes):
    fakes.saving.rows = (row(),)

    stage.press(ids.SAVINGS_GROUPS[0], "by:month")

    assert fakes.saving.queries == [SavingsQuery(by=By.MONTH)]
    assert stage.answers[-1]["replace_original"] is True


def test_the_home_opens_them_in_a_modal(stage, fakes, client):
    stage.press(ids.SAVINGS, "by:month", on="home")

    assert fakes.saving.queries == [SavingsQuery(by=By.MONTH)]
    [opened] = client.of("views.open")
    assert "Savings" in str(opened)
