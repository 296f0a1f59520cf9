"""Acknowledged first, worked on once, always answered."""

import json
import logging
import re
from threading import Event

import pytest
from slack_bolt import App
from slack_sdk.webhook import WebhookResponse

from handlers import correlation, ids
from handlers.blocks.pieces import Content, modal, section
from handlers.turns import Surface, Threads, Turn, Turns, surface
from tests.unit.handlers.fakes import Fakes, Unlisted
from tests.unit.handlers.stage import Stage, payload, staged

PRESSED = "test.pressed"
SENT = "test.sent"
ASKED = "test.asked"


class Held:
    """Work that is only done when a test lets it go."""

    def __init__(self) -> None:
        self.tasks = []

    def submit(self, task) -> None:
        self.tasks.append(task)

    def go(self) -> None:
        while self.tasks:
            self.tasks.pop(0)()


def content(words: str = "Done.") -> Content:
    return Content(words, [section(words)], "Done")


@pytest.fixture
def work() -> Held:
    return Held()


@pytest.fixture
def turns_stage(monkeypatch, client, work):
    fakes = Fakes()

    def build(listener=None, *, submission=None, suggestion=None) -> Stage:
        def bind(app: App) -> None:
            turns = Turns(app, work, seen=fakes.seen, admit=lambda _: None)
            if listener:
                turns.action(PRESSED, listener)
                turns.command("/lapse", listener)
                turns.event("app_home_opened", listener)
                turns.closed(SENT, listener)
            if submission:
                turns.view(SENT, submission)
            if suggestion:
                turns.options(ASKED, suggestion)

        return staged(monkeypatch, bind, client)

    return build


def test_a_press_is_acknowledged_before_any_work_is_done(turns_stage, work):
    done = []
    stage = turns_stage(done.append)

    response = stage.press(PRESSED)

    assert response.status == 200
    assert done == []
    work.go()
    assert len(done) == 1


def test_a_turn_speaks_through_the_apps_own_client_which_keeps_time(turns_stage, work, client):
    turns = []
    turns_stage(turns.append).press(PRESSED)
    work.go()

    assert [turn.client for turn in turns] == [client]


def test_a_repeated_delivery_is_acknowledged_and_not_worked_on_again(turns_stage, work):
    done = []
    stage = turns_stage(done.append)
    body = payload("app_home_opened")

    first, second = stage.send(dict(body)), stage.send(dict(body))
    work.go()

    assert (first.status, second.status) == (200, 200)
    assert len(done) == 1


def test_an_expected_refusal_is_told_in_its_own_words(turns_stage, work):
    def refuse(turn: Turn) -> None:
        raise Unlisted("@U0OTHER & <b> did it.", "Ask @U0OTHER or @U0NOBODY.", people=["U0OTHER"])

    stage = turns_stage(refuse)
    stage.press(PRESSED)
    work.go()

    assert stage.answers[-1]["text"] == (
        "<@U0OTHER> &amp; &lt;b&gt; did it. Ask <@U0OTHER> or @U0NOBODY."
    )
    assert stage.answers[-1]["response_type"] == "ephemeral"
    assert stage.answers[-1]["replace_original"] is False


def test_a_surprise_gives_a_code_that_is_in_the_log(turns_stage, work, caplog):
    def fail(turn: Turn) -> None:
        raise RuntimeError("a secret detail")

    stage = turns_stage(fail)
    with caplog.at_level(logging.INFO):
        stage.press(PRESSED)
        work.go()

    told = stage.answers[-1]["text"]
    code = re.search(r"code ([2-9A-Z]{4}-[2-9A-Z]{4})\.", told)
    assert code
    assert "secret" not in told
    [record] = [each for each in caplog.records if each.message == "turn.failed"]
    assert record.code == code.group(1)


def test_the_code_of_a_click_is_in_every_line_that_it_logs(turns_stage, work, caplog):
    log = logging.getLogger("lapse.test")
    caplog.handler.addFilter(correlation.Correlated())

    def listen(turn: Turn) -> None:
        log.warning("inside %s", turn.code)

    stage = turns_stage(listen)
    with caplog.at_level(logging.INFO):
        stage.press(PRESSED)
        work.go()
        log.warning("outside")

    inside, outside = [each for each in caplog.records if each.name == "lapse.test"]
    assert inside.message == f"inside {inside.code}"
    assert outside.code == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("command", Surface.COMMAND),
        ("block_actions_ephemeral", Surface.EPHEMERAL),
        ("block_actions_message", Surface.MESSAGE),
        ("block_actions_modal", Surface.MODAL),
        ("block_actions_home", Surface.HOME),
        ("view_submission", Surface.MODAL),
        ("view_closed", Surface.MODAL),
        ("app_home_opened", Surface.EVENT),
    ],
)
def test_every_payload_says_where_it_comes_from(name, expected):
    assert surface(payload(name)) is expected


def test_an_answer_replaces_only_a_private_message(turns_stage, work):
    stage = turns_stage(lambda turn: turn.answer(content(), replace=True))

    stage.press(PRESSED, on="ephemeral")
    stage.press(PRESSED, on="message")
    work.go()

    assert [answer["replace_original"] for answer in stage.answers] == [True, False]
    assert {answer["response_type"] for answer in stage.answers} == {"ephemeral"}


def test_from_the_home_an_answer_is_a_modal(turns_stage, work, client):
    stage = turns_stage(lambda turn: turn.answer(content()))

    stage.press(PRESSED, on="home")
    work.go()

    [opened] = client.of("views.open")
    assert opened["view"]["title"]["text"] == "Done"
    assert opened["view"]["close"]["text"] == "Close"
    assert stage.answers == []


def test_in_a_modal_an_answer_is_the_next_one_and_a_replacement_the_same(turns_stage, work, client):
    stage = turns_stage(lambda turn: turn.answer(content()))
    stage.press(PRESSED, on="modal")
    work.go()

    replacing = turns_stage(lambda turn: turn.answer(content(), replace=True))
    replacing.press(PRESSED, on="modal")
    work.go()

    assert len(client.of("views.push")) == 1
    [updated] = client.of("views.update")
    assert updated["view_id"] == "V0MODAL"


def test_a_third_modal_takes_the_place_of_the_second(turns_stage, work, client):
    body = payload("block_actions_modal")
    body["actions"][0] |= {"action_id": PRESSED}
    body["view"]["previous_view_id"] = "V0FIRST"
    stage = turns_stage(lambda turn: turn.answer(content()))

    stage.send(body)
    work.go()

    assert not client.of("views.push")
    assert len(client.of("views.update")) == 1


def test_a_modal_is_opened_or_pushed_over_the_one_that_is_open(turns_stage, work, client):
    view = modal("Which", [section("Which one?")], close="Go back")
    stage = turns_stage(lambda turn: turn.open(view))

    stage.press(PRESSED, on="ephemeral")
    stage.press(PRESSED, on="modal")
    work.go()

    assert len(client.of("views.open")) == 1
    assert len(client.of("views.push")) == 1


def test_what_goes_wrong_replaces_what_was_shown_in_the_meantime(turns_stage, work):
    def listen(turn: Turn) -> None:
        turn.working(content("Working…"))
        raise Unlisted("The cloud said no.", "Try later.")

    stage = turns_stage(listen)
    stage.press(PRESSED)
    work.go()

    shown, refused = stage.answers
    assert shown["text"] == "Working…"
    assert refused["text"] == "The cloud said no. Try later."
    assert refused["replace_original"] is True


def test_when_the_answering_address_has_expired_the_person_still_hears(
    turns_stage, work, client, monkeypatch
):
    stage = turns_stage(lambda turn: turn.answer(content()))
    monkeypatch.setattr(
        "slack_sdk.webhook.WebhookClient.send_dict",
        lambda self, *_, **__: WebhookResponse(url="", status_code=404, body="", headers={}),
    )
    stage.press(PRESSED)
    work.go()

    [sent] = client.of("chat.postEphemeral")
    assert (sent["channel"], sent["user"], sent["text"]) == ("C0FINOPS", "U0OWNER", "Done.")


def test_the_answer_to_a_modal_travels_in_its_acknowledgement(turns_stage):
    answer = {"response_action": "errors", "errors": {"why": "Say why."}}
    stage = turns_stage(submission=lambda turn: answer)

    assert stage.submit(SENT, {}) == answer


def test_a_modal_that_was_taken_closes(turns_stage):
    assert turns_stage(submission=lambda turn: None).submit(SENT, {}) == {}


def test_a_refusal_of_a_modal_takes_its_place(turns_stage):
    def refuse(turn: Turn) -> None:
        raise Unlisted("It is invoiced already.", "Let it lapse.")

    answer = turns_stage(submission=refuse).submit(SENT, {})

    assert answer["response_action"] == "update"
    assert answer["view"]["title"]["text"] == "Not possible now"
    assert "submit" not in answer["view"]
    said = answer["view"]["blocks"][0]["text"]["text"]
    assert said == "It is invoiced already. Let it lapse."


def test_work_after_a_modal_ends_in_the_modal(turns_stage, work, client):
    def submission(turn: Turn) -> None:
        turn.later(lambda later: later.answer(content("Read back: off.")))

    turns_stage(submission=submission).submit(SENT, {})
    assert client.of("views.update") == []
    work.go()

    [updated] = client.of("views.update")
    assert updated["view"]["blocks"][0]["text"]["text"] == "Read back: off."


def test_what_fails_after_a_modal_is_told_in_the_modal(turns_stage, work, client):
    def fail(later: Turn) -> None:
        raise Unlisted("The cloud refused it.", "Retry later.")

    stage = turns_stage(submission=lambda turn: turn.later(fail))
    stage.submit(SENT, {})
    work.go()

    [updated] = client.of("views.update")
    assert updated["view"]["title"]["text"] == "Not possible now"


def test_a_menu_whose_entries_cannot_be_read_is_empty(turns_stage):
    def fail(turn: Turn):
        raise RuntimeError("away")

    body = payload("block_suggestion") | {"action_id": ASKED}

    response = turns_stage(suggestion=fail).send(body)

    assert json.loads(response.body) == {"options": []}


def test_a_closed_modal_is_acknowledged(turns_stage, work):
    closed = []
    body = payload("view_closed")
    body["view"]["callback_id"] = SENT

    response = turns_stage(closed.append).send(body)
    work.go()

    assert response.status == 200
    assert len(closed) == 1


def test_nothing_is_ever_left_without_an_acknowledgement(stage):
    unknown = payload("view_submission")
    unknown["view"]["callback_id"] = "gone"
    closed = payload("view_closed")
    closed["view"]["callback_id"] = "gone"
    event = payload("app_home_opened")
    event["event"] = {"type": "member_joined_channel", "user": "U0OWNER", "channel": "C0FINOPS"}
    suggestion = payload("block_suggestion") | {"action_id": "gone"}

    for body in (unknown, closed, event, suggestion):
        assert stage.send(body).status == 200


def test_a_button_of_an_older_version_says_so(stage):
    assert stage.press("gone").status == 200

    assert stage.answers[-1]["text"].startswith("This button is of an older Lapse")


def test_a_field_that_changed_gets_no_answer(stage):
    assert stage.choose("gone", "x").status == 200

    assert stage.answers == []


def test_a_link_that_was_followed_gets_no_answer(stage):
    assert stage.press(ids.OPEN_LINK).status == 200

    assert stage.answers == []


def test_another_command_points_to_the_right_one(stage):
    body = payload("command") | {"command": "/laps"}

    assert stage.send(body).status == 200
    assert stage.answers[-1]["text"] == "Lapse answers to `/lapse`. Type `/lapse help`."


def test_codes_are_written_in_two_groups_of_four():
    codes = {correlation.new_code() for _ in range(200)}

    assert len(codes) == 200
    assert all(re.fullmatch(r"[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}", code) for code in codes)


def test_threads_finish_what_was_begun():
    done = []
    threads = Threads(2)
    threads.submit(lambda: done.append(1))
    threads.close()

    assert done == [1]


def test_work_begins_when_nothing_holds_it_back_any_more():
    begun = Event()
    threads = Threads(1, longest_hold=60)

    with threads.held_back(), threads.held_back():
        threads.submit(begun.set)
        assert not begun.wait(0.1)

    assert begun.wait(60)
    threads.close()


def test_work_is_not_held_back_for_ever():
    begun = Event()
    threads = Threads(1, longest_hold=0.01)

    with threads.held_back():
        threads.submit(begun.set)
        assert begun.wait(60)
    threads.close()


def test_an_action_of_a_guest_is_refused(stage, fakes):
    fakes.people.guests = frozenset({"U0OWNER"})

    stage.command("list")

    assert stage.answers[-1]["text"] == "Guests cannot use Lapse here. Ask a member of your team."


def test_a_form_of_a_guest_is_refused_before_it_is_read(stage, fakes):
    fakes.people.guests = frozenset({"U0OWNER"})

    answer = stage.submit(ids.DELEGATE_FORM, {})

    assert answer["response_action"] == "update"
    assert "Guests cannot use Lapse here." in str(answer["view"]["blocks"])
