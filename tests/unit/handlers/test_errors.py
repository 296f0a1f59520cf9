"""Every expected refusal has its own sentence, escaped, with the people that it names."""

import inspect

import pytest

from bot.services import errors as refusals
from bot.services.errors import AlreadyDeducted, NotAllowed, Refused, UnknownSubscription
from handlers import errors, ids
from tests.factories import instant, quota, usd
from tests.unit.handlers.fakes import Unlisted
from tests.unit.handlers.looks import accepted, accepted_view, buttons, elements


def kinds(base: type[Exception] = Refused) -> list[type[Exception]]:
    found = [base]
    for each in base.__subclasses__():
        found += kinds(each)
    return found


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_refusal_says_what_happened_and_when_it_happens(kind):
    assert inspect.getdoc(kind), kind
    assert issubclass(kind, Refused)


def test_the_tree_in_the_docstring_is_the_tree_of_the_module():
    drawn = inspect.getdoc(refusals) or ""
    here = [kind for kind in kinds() if kind.__module__ == refusals.__name__]

    missing = [kind.__name__ for kind in here if kind.__name__ not in drawn]
    assert missing == []


def test_a_refusal_names_people_as_mentions_and_nobody_else():
    refused = NotAllowed.deciding(["U0APPROVER1", "U0APPROVER2"])

    assert errors.refusal(refused).text == (
        "You cannot decide this one. <@U0APPROVER1> and <@U0APPROVER2> can."
    )


def test_foreign_words_in_a_refusal_stay_words():
    content = accepted(errors.refusal(Unlisted("<!channel> & @U0OWNER", "")))

    assert content.text == "&lt;!channel&gt; &amp; @U0OWNER."


def test_an_unknown_id_without_anything_near_has_no_button():
    assert buttons(errors.refusal(UnknownSubscription("x")).blocks) == []
    near = errors.refusal(UnknownSubscription("sm-qouta", near=[quota()]))
    assert buttons(accepted(near).blocks) == ["Show it"]


def test_what_was_deducted_can_be_given_back_while_there_is_time():
    at, until = instant("2026-11-23 03:00"), instant("2026-12-01 00:00")
    sm_quota = quota().key
    paid = AlreadyDeducted(usd("1080.00"), at=at, until=until, key=sm_quota)
    over = AlreadyDeducted(usd("1080.00"), at=at, until=None, key=sm_quota)

    content = accepted(errors.refusal(paid))

    assert buttons(content.blocks) == ["Give it back…"]
    [button] = elements(content.blocks)
    assert (button["action_id"], button["value"]) == (ids.GIVE_BACK, "default/sm-quota")
    assert "Give it back until Mon 30 Nov 2026, 23:59 GMT+08:00." in content.text
    assert buttons(errors.refusal(over).blocks) == []
    assert "Unsubscribe with the fee, or keep it." in errors.refusal(over).text


def test_a_surprise_tells_nothing_but_the_code():
    content = accepted(errors.rendered(RuntimeError("secret"), code="7F3K-9Q2M"))

    assert content.text == (
        "That did not work, and nothing was changed. Try again; if it stays, give your operator "
        "the code 7F3K-9Q2M."
    )


def test_in_a_modal_a_refusal_has_no_submit_button():
    view = accepted_view(errors.view(Unlisted("It is invoiced.", "Wait."), code="7F3K-9Q2M"))

    assert view.to_dict().get("submit") is None
    assert view.close.text == "Close"
