"""Every expected refusal has its own sentence, escaped, with the people that it names."""

import inspect

import pytest

from bot.services import errors as refusals
from bot.services.errors import NotAllowed, Refused, UnknownSubscription
from handlers import errors
from tests.factories import quota
from tests.unit.handlers.fakes import Unlisted
from tests.unit.handlers.looks import accepted, accepted_view, buttons


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
