"""Where the settings ask for an approval, what is pressed to turn auto-renewal off says so."""

from dataclasses import replace

import pytest
from slack_sdk.models.blocks import Block

from bot.billing.change import Change
from bot.billing.switching import ACKNOWLEDGED
from bot.billing.ways_out import ways_out
from handlers.blocks import reminders, settling, showing, unsubscribe
from handlers.forms import Carried
from tests import factories as make
from tests.factories import NOW
from tests.unit.handlers import catalogue, samples, seen

BY_REQUEST, AT_ONCE = "Request auto-renewal off", "Turn off auto-renewal"
LABELS = pytest.mark.parametrize(("by_request", "label"), [(True, BY_REQUEST), (False, AT_ONCE)])


def question(blocks: list[Block], label: str) -> dict[str, str]:
    """The title, the text and the button of what is asked first."""
    confirm = seen.button(blocks, label)["confirm"]
    return {part: confirm[part]["text"] for part in ("title", "text", "confirm")}


def test_the_label_fits():
    assert len(BY_REQUEST) <= 24


@LABELS
def test_on_a_reminder(by_request, label):
    message = samples.reminder(off_by_request=by_request)
    content = reminders.reminder(message)
    asks = question(content.blocks, label)

    assert seen.buttons(content.blocks)[0] == label
    assert f"{label[0]}{label[1:].lower()}, unsubscribe, keep or snooze." in seen.spoken(content)
    assert asks["title"] == f"{label}?"
    assert asks["confirm"] == ("Request" if by_request else "Turn off")
    assert (ACKNOWLEDGED[Change.RENEWAL_OFF] in asks["text"]) is by_request
    assert "USD 1,080.00 will not be deducted." in asks["text"].replace("\u00a0", " ")
    assert len(asks["text"]) <= 200


@LABELS
def test_in_a_digest(by_request, label):
    items = (samples.reminder_item(), samples.reminder_item(replace(samples.HK, name="Other")))
    content = reminders.reminder(samples.reminder(*items, off_by_request=by_request))
    drawn = str([block.to_dict() for block in content.blocks])

    assert label in drawn
    assert ("Request several off…" in drawn) is by_request
    assert ("Turn off several…" in drawn) is not by_request
    view = settling.several(samples.reminder(*items), "m", by_request=by_request)
    assert view is not None
    assert view.to_dict()["title"]["text"] == label


@LABELS
def test_in_show(by_request, label):
    facts = replace(catalogue.shown(catalogue.SM_QUOTA), off_by_request=by_request, packages=())
    blocks = showing.shown(facts).blocks

    assert label in seen.buttons(blocks)
    assert question(blocks, label)["title"] == f"{label}?"


@LABELS
def test_as_the_cheaper_way_in_the_form(by_request, label):
    found = ways_out(make.quota(), make.account(), at=NOW).ways
    way = next(each for each in found if each.kind.value == "turn-off")
    draft = samples.draft(cheaper=way, off_by_request=by_request)

    assert seen.buttons(unsubscribe.form(draft, Carried.fresh(("sm-quota",))).blocks)[0] == label
