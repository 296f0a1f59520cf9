"""What a person typed or pressed becomes a value, or one clear sentence."""

import pytest

from bot.billing.subscription import Kind, Status
from bot.ports.store import ListQuery
from bot.services.errors import DaysOutOfRange
from handlers import payloads
from handlers.payloads import NotUnderstood
from tests.factories import NOW, OWNER, instant
from tests.unit.handlers.stage import payload


def query(filters: str) -> ListQuery:
    return payloads.list_query(filters, user=OWNER, now=NOW)


def test_a_command_is_its_first_word_in_lower_case_and_the_rest():
    body = payload("command") | {"text": "  Show  prod/sm-quota "}

    assert payloads.command(body) == payloads.Command("show", "prod/sm-quota")


def test_slacks_entities_are_undone_in_what_was_typed():
    body = payload("command") | {"text": "show a&amp;b&lt;c&gt;"}

    assert payloads.command(body).rest == "a&b<c>"


def test_every_filter_of_the_contract_is_read():
    found = query(
        'service:"Status page" account:prod region:eu-west-0 status:in-use owner:@me '
        "auto-renew:on kind:quota due:30d big screen"
    )

    assert found == ListQuery(
        service="Status page",
        account="prod",
        region="eu-west-0",
        status=Status.IN_USE,
        owner=OWNER,
        auto_renew=True,
        kind=Kind.QUOTA,
        due_before=instant("2026-12-24 00:00"),
        words=("big", "screen"),
    )


def test_an_owner_is_read_from_slacks_mention():
    assert query("owner:<@U0OTHER|other>").owner == "U0OTHER"


@pytest.mark.parametrize(
    ("typed", "sentence", "advice"),
    [
        (
            "du:30d",
            "`du:30d` is not a filter.",
            "Filters: service, account, region, status, owner, auto-renew, due, kind.",
        ),
        ("due:soon", "`due:soon` is not a number of days.", "Write `due:30d`."),
        ("status:in_use", "`status:in_use` is not a status.", "Write `status:in-use`."),
        (
            "kind:zzz",
            "`kind:zzz` is not a kind.",
            "It is one of quota, package, resource, saas.",
        ),
        ("auto-renew:maybe", "`auto-renew:maybe` is neither on nor off.", "Write `auto-renew:on`."),
        (
            "owner:somebody",
            "`owner:somebody` is not a person.",
            "Write `owner:@me` or choose a name after @.",
        ),
        ("service:", "`service:` has no value.", "Write the service right after the colon."),
    ],
)
def test_a_filter_that_means_nothing_says_how_to_write_it(typed, sentence, advice):
    with pytest.raises(NotUnderstood) as refused:
        query(typed)

    assert refused.value.sentence == sentence
    assert refused.value.advice == advice


def test_backticks_in_a_wrong_filter_cannot_break_out_of_the_sentence():
    with pytest.raises(NotUnderstood) as refused:
        query("`x`:1")

    assert refused.value.sentence == "`x:1` is not a filter."


@pytest.mark.parametrize(("typed", "days"), [("", 30), ("7", 7), ("90d", 90), ("366", 366)])
def test_the_days_of_upcoming_are_read(typed, days):
    assert payloads.span(typed) == days


@pytest.mark.parametrize("typed", ["0", "367", "-1", "soon", "1.5", "٣", "99999999999"])
def test_days_out_of_range_are_refused(typed):
    with pytest.raises(DaysOutOfRange):
        payloads.span(typed)


@pytest.mark.parametrize(
    ("typed", "missing", "write"),
    [
        ("", "Say on or off, and which one.", "off sm-quota"),
        ("on", "Say which one.", "on sm-quota"),
        ("ON ", "Say which one.", "on sm-quota"),
        ("off", "Say which one.", "off sm-quota"),
        ("build-runner-01", "Say on or off.", "off build-runner-01"),
        ("of build-runner-01", "Say on or off.", "off build-runner-01"),
        ("build-runner-01 on", "Say on or off first.", "on build-runner-01"),
        ("`", "Say on or off, and which one.", "off sm-quota"),
    ],
)
def test_autorenew_needs_on_or_off_and_which_one(typed, missing, write):
    with pytest.raises(NotUnderstood) as refused:
        payloads.switch(typed)

    assert refused.value.sentence == missing
    assert refused.value.advice == f"Write `/lapse autorenew {write}`."


def test_the_nearest_command_is_offered():
    assert payloads.nearest_command("lst") == "list"
    assert payloads.nearest_command("qqqqqq") is None


def test_several_subscriptions_travel_in_one_button():
    found = payloads.keys("prod/sm-quota\nprod/a b/c")

    assert [(key.account, key.id) for key in found] == [("prod", "sm-quota"), ("prod", "a b/c")]
