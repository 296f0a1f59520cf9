"""Looking: list, show, upcoming, help, and what is said when a word is wrong."""

import pytest

from tests.acceptance.catalogue import HK, LAB, PROD, RUNNERS, STAGING
from tests.acceptance.people import eventually
from tests.acceptance.world import World

QUOTA = "SecMaster Professional, 50 ECS"


def test_the_list_is_ordered_by_deduction_with_packages_under_their_quota(world: World):
    world.load(*STAGING, *PROD, HK, LAB)

    answer = world.user("owner").command("/lapse list")

    assert "1 to 8 of 8" in answer.words
    words = answer.words
    assert words.index("SecMaster Standard, 20 ECS") > words.index("Security orchestration")
    assert "Deduction Mon 30 Nov" in words
    assert "USD\u00a03,600.00" in words
    assert "Subscriptions 1 to 8 of 8" in answer.text
    assert all(m.ts != answer.ts for m in world.user("outsider").messages("finops"))


def test_ten_a_page_with_next_and_previous_in_the_same_message(world: World):
    world.load(*RUNNERS)
    owner = world.user("owner")
    first = owner.command("/lapse list")
    assert "Next" in first.buttons
    assert "Previous" not in first.buttons

    first.click("Next")
    second = owner.answer(containing="11 to 15 of 15")
    assert "Previous" in second.buttons
    assert "Next" not in second.buttons
    second.click("Previous")

    assert "1 to 10 of 15" in owner.answer(containing="1 to 10 of 15").words
    assert len(owner.private()) == 1


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("service:SecMaster account:prod", "1 to 3 of 3"),
        ("kind:package", "1 to 4 of 4"),
        ("due:30d", "1 to 4 of 4"),
        ("owner:@me", "1 to 8 of 8"),
        ("auto-renew:off", "No subscription"),
        ("status:unsubscribed", "No subscription"),
        ("orchestration", "1 to 2 of 2"),
    ],
)
def test_filters_and_words_narrow_the_list(world: World, filters: str, found: str):
    world.load(*STAGING, *PROD, HK, LAB)

    answer = world.user("owner").command(f"/lapse list {filters}")

    assert found in answer.words + answer.text


def test_a_filter_that_finds_nothing_names_the_nearest_one(world: World):
    world.load(*PROD)
    owner = world.user("owner")

    answer = owner.command("/lapse list service:SecMastr")
    assert "No subscription matches" in answer.text
    answer.click("Search SecMaster")

    assert "1 to 3 of 3" in owner.answer(containing="1 to 3 of 3").words


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/lapse lst", "`lst` is not a command of Lapse. Did you mean `/lapse list`?"),
        ("/lapse list du:30d", "`du:30d` is not a filter."),
        ("/lapse list due:soon", "`due:soon` is not a number of days."),
        ("/lapse upcoming 500", "Days go from 1 to 366."),
        ("/lapse show sm-qouta", "No subscription `sm-qouta`."),
        ("/lapse autorenew", "Say on or off, and which one."),
    ],
)
def test_a_wrong_word_gets_one_clear_sentence(world: World, typed: str, said: str):
    world.load(*PROD)

    answer = world.user("owner").command(typed)

    assert said in answer.text + answer.words


@pytest.mark.parametrize("typed", ["/lapse remind"])
def test_what_is_not_there_yet_says_so(world: World, typed: str):
    world.load(*PROD)

    assert "not there yet" in world.user("owner").command(typed).text


@pytest.mark.parametrize("typed", ["/lapse", "/lapse help"])
def test_help_says_what_lapse_can_do(world: World, typed: str):
    answer = world.user("outsider").command(typed)

    for word in ("list", "show", "upcoming", "unsubscribe", "autorenew", "requests", "reminders"):
        assert f"/lapse {word}" in answer.words
    assert "Unsubscribe…" in answer.buttons


def test_show_compares_the_ways_out_and_names_the_cheapest(world: World):
    world.load(*PROD)

    answer = world.user("owner").command("/lapse show prod-quota")

    assert "Turn auto-renewal off · cheapest" in answer.words
    assert "Sun 29 Nov 2026, 23:59 GMT+08:00" in answer.words
    assert "USD\u00a03,600.00 will be deducted on Mon 30 Nov 2026, 03:00 GMT+08:00" in answer.text
    assert "Consumed" in answer.words or "consumed" in answer.words


def test_upcoming_lists_days_with_sums_per_currency(world: World):
    world.load(*PROD, HK)

    answer = world.user("owner").command("/lapse upcoming 30")

    assert "USD\u00a06,780.00" in answer.words
    assert "Last working day before: Fri 27 Nov" in answer.words


def test_a_name_from_outside_never_comes_alive(world: World):
    nasty = "<!channel> *bold* <https://evil.example|Pay> `x`"
    world.load({**LAB, "name": nasty})

    answer = world.user("owner").command("/lapse list")

    assert "<!channel>" not in answer.text
    assert "&lt;!channel&gt;" in answer.text
    world.user("owner").command("/lapse show lab-quota")


def test_home_shows_an_owner_the_next_deduction_and_an_outsider_a_welcome(world: World):
    world.load(*PROD)

    assert "5,700.00" in world.user("owner").home(containing="Next")
    assert "You own no subscription here" in world.user("outsider").home(containing="Welcome")


def test_turning_auto_renewal_off_is_one_confirmed_step_and_is_read_back(world: World):
    world.load(LAB)
    requester = world.user("owner")
    facts = requester.command("/lapse autorenew off lab-quota")

    facts.click("Turn off auto-renewal")

    answer = requester.answer(containing="nothing will be deducted")
    assert "Read back at the cloud" in answer.words
    listed = eventually(
        lambda: requester.command("/lapse list auto-renew:off"), "the list of those off"
    )
    assert "1 to 1 of 1" in listed.words


def test_somebody_without_the_right_is_told_who_has_it(world: World):
    world.load(LAB)
    outsider = world.user("outsider")
    facts = outsider.command("/lapse autorenew off lab-quota")
    if "Turn off auto-renewal" in facts.buttons:
        facts.click("Turn off auto-renewal")

    answer = outsider.answer(containing="Only")
    assert "<@U0OWNER>" in answer.text + answer.words
