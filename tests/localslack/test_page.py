"""The local Slack's page in a real browser: what is drawn, typed, kept apart and kept safe."""

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect
from slack_sdk import WebClient

from bot.localslack.seed import Channel, Person, Seed
from bot.localslack.server import LocalSlack
from tests.browsers import Open, chromium, windows
from tests.clocks import SettableClock
from tests.factories import NOW
from tests.localslack.practice import EVERY_BLOCK, FOREIGN, MANIFEST, Practice, question

pytestmark = pytest.mark.browser

BOT = "U0LOCALBOT"
PEOPLE = (
    Person(id="U0OWNER", handle="owner", name="Owner", role="gets reminders", tz="Asia/Shanghai"),
    Person(id="U0REQUESTER", handle="requester", name="Requester", role="asks", tz="UTC"),
    Person(id="U0APPROVER", handle="approver-1", name="Approver 1", role="decides", tz="UTC"),
)
CHANNELS = (
    "finops",
    "empty",
    "blocks",
    "form",
    "confirm",
    "secret",
    "talk",
    "foreign",
    "narrow",
    "links",
    "unread",
    "remarks",
)


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSlack]:
    everyone = (*(person.id for person in PEOPLE), BOT)
    channels = tuple(
        Channel(id=f"C0{name.upper()}", name=name, purpose=f"For {name}.", members=everyone)
        for name in CHANNELS
    )
    seed = Seed(people=PEOPLE, channels=channels, manifest=MANIFEST)
    data = tmp_path_factory.mktemp("localslack")
    local = LocalSlack(seed=seed, data=data, clock=SettableClock(NOW))
    local.start()
    yield local
    local.stop()


@pytest.fixture(scope="module")
def practice(slack: LocalSlack) -> Iterator[Practice]:
    app = Practice(slack.api_url, bot_token=slack.bot_token, app_token=slack.app_token)
    app.connect()
    yield app
    app.close()


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with chromium(chromium_path) as browser:
        yield browser


class Controls:
    """Panels of a host: one whose presses take until they are let go, and one with a badge."""

    def __init__(self) -> None:
        self.pressed: list[str] = []
        self.go = Event()
        self.asked = 0

    def describe(self) -> dict[str, object]:
        self.asked += 1
        buttons = [{"id": name, "label": name} for name in ("+5 minutes", "+1 day")]
        return {
            "id": "clock",
            "title": "Clock",
            "badge": "Cloud: refuses, until changed, SecMaster Professional, 50 ECS · staging",
            "badge_clear": "clear",
            "summary": "Sat 28 Nov 2026, 17:31 GMT+08:00",
            "items": [
                {"type": "text", "text": f"Asked {self.asked}"},
                {"type": "buttons", "controls": buttons},
            ],
        }

    def press(self, control_id: str, values: object) -> str:
        self.pressed.append(control_id)
        self.go.wait(10)
        return "Moved."


@pytest.fixture
def controls() -> Controls:
    return Controls()


@pytest.fixture
def frame(controls: Controls, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page of a workspace with these controls, and both kinds of faults armed."""
    everyone = (*(person.id for person in PEOPLE), BOT)
    seed = Seed(
        people=PEOPLE,
        channels=(Channel(id="C0FINOPS", name="finops", members=everyone),),
        manifest=MANIFEST,
    )
    local = LocalSlack(seed=seed, data=tmp_path, clock=SettableClock(NOW), panels=[controls])
    local.start()
    try:
        with windows(browser) as window:
            yield window(f"{local.url}/?as=requester")
    finally:
        controls.go.set()
        local.stop()


@pytest.fixture
def open_page(browser: Browser, slack: LocalSlack, practice: Practice) -> Iterator[Open]:
    """Opens a channel as somebody; every error of the page fails the test."""
    with windows(browser, expected="Content Security Policy") as window:  # no picture from outside

        def opened(channel: str = "finops", *, person: str = "requester", **device: object) -> Page:
            page = window(f"{slack.url}/?as={person}&channel=C0{channel.upper()}", **device)
            expect(page.get_by_role("heading", level=1)).to_have_text(f"#{channel}")
            expect(page.get_by_role("feed")).to_be_attached()
            return page

        yield opened


def messages(page: Page):
    return page.get_by_role("feed").get_by_role("article")


def composer(page: Page):
    return page.get_by_role("textbox", name=re.compile("^Message #"))


def test_without_a_person_the_page_opens_the_first_channel_as_requester(open_page, slack, browser):
    page = browser.new_page()
    page.goto(slack.url)

    expect(page.get_by_role("heading", level=1)).to_have_text("#finops")
    expect(page.get_by_role("button", name="Acting as Requester")).to_be_visible()
    page.close()


def test_a_channel_without_messages_says_what_it_is_for(open_page):
    page = open_page("empty")

    expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    expect(page.get_by_role("main").get_by_text("For empty.").first).to_be_visible()


def test_every_block_of_a_message_is_drawn(open_page, practice):
    page = open_page("blocks")
    practice.post("C0BLOCKS", "Every block", EVERY_BLOCK)

    message = messages(page).last
    expect(message.get_by_role("heading", name="Every block")).to_be_visible()
    expect(message.get_by_role("img", name="bell")).to_have_text("\N{BELL}")
    for tag, text in (("strong", "bold"), ("em", "italic"), ("s", "strike"), ("code", "code")):
        expect(message.locator(tag).get_by_text(text, exact=True).first).to_be_visible()
    expect(message.get_by_role("link", name="a link")).to_have_attribute(
        "href", "https://example.com/"
    )
    expect(message.get_by_text("@owner")).to_be_visible()
    expect(message.get_by_text("USD 54.00")).to_be_visible()
    expect(message.get_by_role("listitem")).to_have_text("a point")
    expect(message.get_by_role("blockquote")).to_have_text("a quote")
    expect(message.locator("pre")).to_have_text("Paid  USD 540.00")
    expect(message.get_by_text("2026-11-29 19:00")).to_be_visible()
    expect(message.get_by_role("button", name="Go on")).to_be_visible()
    expect(message.get_by_role("button", name="More actions")).to_be_visible()
    expect(message.get_by_role("combobox")).to_have_count(2)
    expect(message.get_by_role("checkbox", name="Tick me")).to_be_visible()
    expect(message.get_by_role("radio")).to_have_count(2)
    expect(message.locator("input[type=date]")).to_have_value("2026-11-30")
    expect(message.locator("input[type=time]")).to_have_value("09:00")
    expect(message.get_by_role("textbox", name="Remark")).to_be_visible()
    expect(message.get_by_text("A chart of deductions")).to_be_visible()
    expect(message.locator(".unknown", has_text="Unknown")).to_have_count(0)


def test_foreign_text_stays_text(open_page, practice):
    page = open_page("foreign")
    composer(page).fill(FOREIGN)
    page.keyboard.press("Enter")

    expect(messages(page).last).to_contain_text("<script>")
    practice.post("C0FOREIGN", "Foreign", [EVERY_BLOCK[3]])
    expect(messages(page).last).to_contain_text(FOREIGN)
    expect(messages(page).last.get_by_role("link", name="Pay")).to_have_count(0)
    expect(messages(page).locator("script, .blocks .mention")).to_have_count(0)
    assert page.title() != "alive"


def test_a_command_is_completed_and_sent_by_keyboard_alone(open_page):
    page = open_page("secret")
    for _ in range(3):
        page.keyboard.press("F6")
    expect(composer(page)).to_be_focused()
    page.keyboard.type("/pr")
    offers = page.get_by_role("listbox", name="Commands").get_by_role("option")
    expect(offers).to_have_count(1)
    page.keyboard.press("Tab")
    expect(offers).to_have_count(3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(composer(page)).to_have_value("/practice secret")
    page.keyboard.press("Enter")

    expect(messages(page).last).to_contain_text("You wrote: secret")


def test_an_ephemeral_answer_is_seen_by_one_person_and_can_be_dismissed(open_page):
    mine = open_page("talk")
    theirs = open_page("talk", person="approver-1")
    composer(mine).fill("/practice secret")
    mine.keyboard.press("Enter")
    answer = messages(mine).filter(has_text="You wrote: secret")

    expect(answer).to_contain_text("Only visible to you")
    composer(mine).fill("Good morning")
    mine.keyboard.press("Enter")
    expect(messages(theirs).last).to_contain_text("Good morning")
    expect(theirs.get_by_text("You wrote: secret")).to_have_count(0)
    answer.hover()
    answer.get_by_role("button", name="Dismiss this message").click()
    expect(answer).to_have_count(0)


def test_errors_stand_under_their_fields_and_what_was_entered_stays(open_page, practice):
    page = open_page("form")
    composer(page).fill("/practice form")
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="A form")
    reason = form.get_by_role("combobox", name="Reason")
    expect(reason).to_be_visible()

    page.keyboard.press("Control+Enter")
    expect(form.get_by_text("Fill in this field.")).to_be_visible()
    expect(reason).to_be_focused()
    expect(reason).to_have_attribute("aria-invalid", "true")

    form.get_by_role("combobox", name="Subject").click()
    page.get_by_role("option", name="Small screen").click()
    reason.click()
    page.get_by_role("option", name="Other").click()
    expect(form.get_by_text("Say more under Details.")).to_be_visible()
    expect(reason).to_contain_text("Other")
    expect(form.get_by_role("combobox", name="Subject")).to_contain_text("Small screen")

    form.get_by_role("button", name="Send").click()
    details = form.get_by_role("textbox", name="Details")
    expect(form.get_by_text("Say in a few words why.")).to_be_visible()
    expect(details).to_be_focused()
    details.fill("It moved")
    page.keyboard.press("Control+Enter")
    expect(form).to_be_hidden()
    sent = practice.submitted[-1]
    assert sent["details"]["details"]["value"] == "It moved"
    assert sent["subject"]["subject"]["selected_option"]["value"] == "Small screen"


def test_the_question_before_a_deed_begins_on_no_and_its_result_reaches_everybody(
    open_page, practice
):
    mine = open_page("confirm")
    theirs = open_page("confirm", person="approver-1")
    practice.post("C0CONFIRM", "It is on. Turn it off?", question())
    press = messages(mine).last.get_by_role("button", name="Turn it off")
    press.click()
    asked = mine.get_by_role("alertdialog", name="Turn it off?")
    expect(asked.get_by_role("button", name="Go back")).to_be_focused()
    mine.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    expect(press).to_be_focused()

    press.click()
    asked.get_by_role("button", name="Turn off").click()
    for page in (mine, theirs):
        expect(messages(page).last).to_contain_text("@requester turned it off.")
        expect(page.get_by_role("button", name="Turn it off")).to_have_count(0)


def test_a_link_into_the_page_stays_in_it_and_marks_the_message(open_page, practice, slack):
    first = practice.post("C0LINKS", "The one that is meant")
    for number in range(30):
        practice.post("C0LINKS", f"Line {number}")
    page = open_page("finops")
    link = f"{slack.url}/?channel=C0LINKS&message={first}"
    practice.post("C0FINOPS", f"See <{link}|the request>")
    messages(page).last.get_by_role("link", name="the request").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("#links")
    expect(messages(page).first).to_be_focused()
    expect(messages(page).first).to_be_in_viewport()


def test_what_is_half_written_outlives_an_update_of_its_message(open_page, practice):
    page = open_page("remarks")
    at = practice.post("C0REMARKS", "Remark", EVERY_BLOCK[:1] + EVERY_BLOCK[-2:-1])
    field = messages(page).last.get_by_role("textbox", name="Remark")
    field.fill("half a sen")

    history = practice.client.conversations_history(channel="C0REMARKS")
    [_, written] = history["messages"][0]["blocks"]
    renamed = written | {"label": {"type": "plain_text", "text": "Your remark"}}
    practice.client.chat_update(channel="C0REMARKS", ts=at, text="Remark", blocks=[renamed])
    field = messages(page).last.get_by_role("textbox", name="Your remark")
    expect(field).to_have_value("half a sen")
    expect(field).to_be_focused()
    page.keyboard.type("tence")
    expect(field).to_have_value("half a sentence")


def test_acting_as_someone_else_shows_their_unread_messages(open_page, practice):
    page = open_page("finops")
    practice.post("C0UNREAD", "For everybody")
    rail = page.get_by_role("navigation", name="Channels")
    expect(rail.get_by_role("button", name="unread 1 unread")).to_be_visible()
    rail.get_by_role("button", name="unread").click()
    expect(rail.get_by_role("button", name="unread", exact=True)).to_be_visible()

    rail.get_by_role("button", name="finops").click()
    page.get_by_role("button", name="Acting as Requester").click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Acting as Approver 1")).to_be_visible()
    expect(rail.get_by_role("button", name="unread 1 unread")).to_be_visible()
    expect(page.locator("#polite")).to_contain_text("1 unread in #unread.")


def test_a_reply_stands_in_its_thread_and_is_counted_below_the_message(open_page, practice):
    page = open_page("talk")
    practice.post("C0TALK", "Who decides?")
    message = messages(page).filter(has_text="Who decides?")
    message.press("t")
    thread = page.get_by_role("complementary", name="Thread")
    expect(thread.get_by_text("No replies yet.")).to_be_visible()
    thread.get_by_role("textbox", name="Reply as Requester").fill("I do")
    page.keyboard.press("Enter")

    expect(thread.get_by_role("article").last).to_contain_text("I do")
    expect(message.get_by_role("button", name=re.compile("^1 reply, last "))).to_be_visible()
    page.keyboard.press("Escape")
    expect(thread).to_have_count(0)


def test_the_page_goes_on_by_itself_when_the_server_is_back(browser, tmp_path):
    seed = Seed(
        people=PEOPLE,
        channels=(Channel(id="C0ONE", name="one", members=("U0REQUESTER", BOT)),),
        manifest=MANIFEST,
    )
    first = LocalSlack(seed=seed, data=tmp_path, clock=SettableClock(NOW))
    first.start()
    page = browser.new_page()
    page.goto(f"{first.url}/?as=requester")
    expect(page.get_by_role("status")).to_have_text(re.compile("^The app is not connected"))
    composer(page).fill("not yet sent")
    first.stop()
    expect(page.get_by_role("status")).to_have_text(re.compile("does not answer"))

    port = int(first.url.rsplit(":", 1)[1])
    second = LocalSlack(seed=seed, data=tmp_path, clock=SettableClock(NOW), port=port)
    second.start()
    expect(page.get_by_role("status")).to_have_text(re.compile("^The app is not connected"))
    expect(composer(page)).to_have_value("not yet sent")
    composer(page).press("Enter")
    expect(messages(page).last).to_contain_text("not yet sent")
    page.close()
    second.stop()


def test_a_file_is_shown_with_name_and_size_and_downloaded(open_page, slack):
    client = WebClient(slack.bot_token, base_url=slack.api_url)
    content = b"%PDF-1.4" + b" " * 2040
    page = open_page("remarks")
    place = client.files_getUploadURLExternal(filename="<b>receipt.pdf", length=len(content))
    request = Request(place["upload_url"], data=content, method="POST")
    with urlopen(request, timeout=5):
        pass
    files = [{"id": place["file_id"], "title": "Receipt of request 1042"}]
    client.files_completeUploadExternal(files=files, channel_id="C0REMARKS")

    link = page.get_by_role("link", name="Receipt of request 1042 <b>receipt.pdf, 2 KB")
    with page.expect_download() as download:
        link.click()

    assert download.value.path().read_bytes() == content


def test_a_file_is_chosen_in_a_form_and_sent_with_it(open_page, practice):
    page = open_page("form")
    composer(page).fill("/practice file")
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="A file")
    proof = form.get_by_label("Proof")
    given = [{"name": "answer.txt", "mimeType": "text/plain", "buffer": b"It has ended."}]
    proof.set_input_files(given)
    expect(form.locator(".file-names")).to_have_text("answer.txt")

    form.get_by_role("button", name="Send").click()

    expect(form).to_be_hidden()
    [file] = practice.submitted[-1]["proof"]["proof"]["files"]
    assert (file["name"], file["size"], file["user"]) == ("answer.txt", 13, "U0REQUESTER")
    with urlopen(file["permalink"], timeout=5) as answer:
        assert answer.read() == b"It has ended."


@pytest.mark.parametrize(
    ("theme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(21, 25, 30)")]
)
def test_nothing_scrolls_sideways_in_either_theme(open_page, practice, theme, background):
    page = open_page("narrow", color_scheme=theme, has_touch=True)
    practice.post("C0NARROW", "Every block", EVERY_BLOCK)
    expect(messages(page).last.get_by_text("A chart of deductions")).to_be_visible()

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
    for width in (360, 720, 1100):
        page.set_viewport_size({"width": width, "height": 740})
        for scrolling in ("html", ".feed-scroll"):
            hidden = f"document.querySelector('{scrolling}')"
            assert page.evaluate(f"{hidden}.scrollWidth - {hidden}.clientWidth") == 0


def test_a_phone_has_one_column_and_buttons_for_fingers(open_page, practice):
    practice.post("C0NARROW", "It is on. Turn it off?", question())
    page = open_page("narrow", viewport={"width": 360, "height": 740}, has_touch=True)
    press = messages(page).last.get_by_role("button", name="Turn it off")
    expect(press).to_be_visible()
    box = press.bounding_box()

    assert box is not None
    assert box["height"] >= 44
    expect(page.get_by_role("navigation", name="Channels")).to_be_hidden()
    page.get_by_role("button", name="Chats", exact=True).click()
    page.get_by_role("button", name="finops").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("#finops")
    page.get_by_role("button", name="Person").click()
    page.get_by_role("menuitemradio", name="Approver 1").click()
    expect(composer(page)).to_have_attribute("placeholder", "Message #finops as Approver 1")
    assert "as=approver-1" in page.url


OVERLAPS = """() => {
  const seen = [...document.querySelectorAll(".top button, .badge > span")]
    .filter((each) => each.offsetParent);
  const boxes = seen.map((each) => [each.textContent, each.getBoundingClientRect()]);
  const clipped = seen.filter((each) => each.scrollWidth > Math.max(each.clientWidth, 1) + 1)
    .filter((each) => each.clientWidth).map((each) => `${each.textContent} clipped`);
  const over = boxes.flatMap(([a, x], i) => boxes.slice(i + 1)
    .filter(([, y]) => x.left < y.right - 1 && y.left < x.right - 1)
    .filter(([, y]) => x.top < y.bottom - 1 && y.top < x.bottom - 1)
    .map(([b]) => `${a} over ${b}`));
  const out = boxes.filter(([, x]) => x.right > innerWidth || x.left < 0)
    .map(([a]) => `${a} outside`);
  return [...clipped, ...over, ...out];
}"""


NOTHING_OVERLAPS = f"() => ({OVERLAPS})().length === 0"


@pytest.mark.parametrize("width", [760, 1160, 1400, 1920])
def test_a_fault_that_is_armed_leaves_room_for_all_of_the_top_bar(frame, width):
    frame.set_viewport_size({"width": width, "height": 900})
    top = frame.get_by_role("banner")
    expect(top.get_by_text("Cloud: refuses, until changed")).to_be_visible()

    frame.wait_for_function(NOTHING_OVERLAPS)  # a narrower window is drawn anew in steps
    top.get_by_role("button", name=re.compile("^Clock: ")).click()
    close = frame.get_by_role("complementary").get_by_role("button", name="Close")
    expect(close).to_be_in_viewport(ratio=1)
    frame.wait_for_function(NOTHING_OVERLAPS)


def test_a_press_shows_that_it_is_under_way_and_no_other_is_taken_meanwhile(frame, controls):
    frame.get_by_role("button", name=re.compile("^Clock: ")).click()
    panel = frame.get_by_role("complementary")
    day, minutes = (panel.get_by_role("button", name=name) for name in ("+1 day", "+5 minutes"))
    day.click()
    asked = panel.get_by_text("Asked ")

    expect(asked).not_to_have_text(asked.inner_text())  # drawn anew meanwhile
    expect(day).to_have_attribute("aria-busy", "true")
    expect(minutes).to_be_disabled()
    minutes.dispatch_event("click")
    day.dispatch_event("click")
    controls.go.set()

    expect(minutes).to_be_enabled()
    expect(day).not_to_have_attribute("aria-busy", "true")
    assert controls.pressed == ["+1 day"]
