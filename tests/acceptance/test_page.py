"""The whole job in a real browser: what people type, press and see happen, each in a window."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bot.demo.practice import Practice
from tests.acceptance.catalogue import PROD, RUNNERS, STAGING, bought, subscription
from tests.acceptance.world import World
from tests.browsers import Open, chromium, windows
from tests.factories import instant

pytestmark = pytest.mark.browser

PATIENCE_MS = 15_000
GLANCE_MS = 150
SENTENCE = re.compile("^I understand a handling fee will be charged for this unsubscription")
QUOTA = "SecMaster Professional, 50 ECS"
PACKAGES = ("Large screen", "Security orchestration")
DATABASE = subscription(
    "prod/orders",
    "Orders database",
    bought("2025-12-20", "2026-12-20", "2150.00"),
    service="RDS",
    region="ap-southeast-1",
)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with chromium(chromium_path) as browser:
        yield browser
    expect.set_options(timeout=5_000)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    with windows(browser) as open_page:
        yield open_page


@pytest.fixture
def office(world: World, browser: Browser) -> Iterator["Office"]:
    with windows(browser) as open_page:
        yield Office(world, open_page)


class Office:
    """Where people sit before their windows while the world's clock stands still."""

    def __init__(self, world: World, open_page: Open) -> None:
        self.world = world
        self._open = open_page

    def window(self, person: str, channel: str = "finops") -> Page:
        page = self._open(f"{self.world.slack.url}/?as={person}&channel=C0{channel.upper()}")
        expect(heading(page)).to_have_text(f"#{channel}")
        expect(page.get_by_role("feed")).to_be_attached()
        return page

    def home(self, person: str) -> Page:
        page = self._open(f"{self.world.slack.url}/?as={person}&home=1")
        expect(page.get_by_role("tab", name="Home", selected=True)).to_be_visible()
        return page

    def awaits(self, *seen: Locator, text: str) -> None:
        """Let the ticks run until all of them say so, as the scheduler does."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        for each in seen:
            while True:
                self.world.tick(rounds=1)
                try:
                    expect(each).to_contain_text(text, timeout=GLANCE_MS)
                    break
                except AssertionError:
                    if time.monotonic() > deadline:
                        raise


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def messages(page: Page) -> Locator:
    return page.get_by_role("feed").get_by_role("article")


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("^Message "))


def say(page: Page, text: str) -> None:
    composer(page).fill(text)
    page.keyboard.press("Enter")


def button(inside: Locator, label: str) -> Locator:
    """The button on which that is written; for a screen reader it may name its object as well."""
    return inside.locator("button").filter(has_text=re.compile(f"^{re.escape(label)}$"))


def confirm(page: Page, title: str, label: str) -> None:
    """Answer the question before a deed, which begins on its way back."""
    asked = page.get_by_role("alertdialog", name=title)
    expect(asked.get_by_role("button", name="Go back")).to_be_focused()
    asked.get_by_role("button", name=label).click()
    expect(asked).to_have_count(0)


def test_two_people_unsubscribe_and_watch_one_message_change(office):
    office.world.load(*STAGING)
    mine = office.window("requester")
    form = filled_form(mine)
    button(form, "Send request").click()
    sent = mine.get_by_role("dialog", name="Request sent")
    expect(sent).to_contain_text("Request 1001")
    button(sent, "Close").click()
    expect(sent).to_be_hidden()
    office.world.tick()
    mine.get_by_role("navigation").get_by_role("button", name="approvals").click()
    theirs = office.window("approver-1", "approvals")
    cards = [messages(page).first for page in (mine, theirs)]
    office.awaits(*cards, text="Waiting: unsubscribe SecMaster Professional and 2 packages")

    button(cards[1], "Approve").click()
    confirm(theirs, "Approve request 1001?", "Approve")
    office.awaits(*cards, text="Approved: starts at 10:17 GMT+08:00")
    expect(button(cards[0], "Approve")).to_have_count(0)

    office.world.advance(minutes=5, rounds=1)
    office.awaits(*cards, text="Executing step 1 of 2")
    office.world.advance(seconds=3, rounds=1)
    office.awaits(*cards, text="Executing step 2 of 2")
    office.world.advance(seconds=3, rounds=1)
    office.awaits(*cards, text="Verifying: reading 3 subscriptions back")
    office.world.advance(minutes=1)
    office.awaits(*cards, text="Done: SecMaster Professional and 2 packages are gone")
    for card in cards:
        expect(card).to_contain_text("Refund at the cloud")
    expect(messages(theirs)).to_have_count(1)
    expect(theirs.locator("#polite")).to_contain_text("Request 1001 is done")

    cards[1].get_by_role("button", name=re.compile("replies, last")).click()
    thread = theirs.get_by_role("complementary", name="Thread")
    expect(
        thread.get_by_role("heading", name=re.compile("^Receipt of request 1001"))
    ).to_be_visible()


def filled_form(page: Page) -> Locator:
    """The form, sent too early, then filled; its errors stood under their fields meanwhile."""
    say(page, "/lapse unsubscribe staging-quota")
    form = page.get_by_role("dialog", name="Unsubscribe")
    expect(form).to_contain_text("3 subscriptions, in this order")
    expect(form).to_contain_text("Refund now")
    reason = form.get_by_role("combobox", name="Reason")
    tick = form.get_by_role("checkbox", name=SENTENCE)
    expect(tick).not_to_be_checked()

    button(form, "Send request").click()
    expect(form.locator(".input-error:visible")).to_have_count(2)
    expect(reason).to_be_focused()
    expect(reason).to_have_attribute("aria-invalid", "true")

    page.keyboard.press("Enter")
    page.get_by_role("option", name="Features are not enough").click()
    expect(reason).to_contain_text("Features are not enough")
    form.get_by_role("textbox", name="Details").fill("The staging servers moved.")
    for package in PACKAGES:
        expect(form.get_by_role("checkbox", name=package)).to_be_checked()
    tick.check()
    return form


def test_the_buttons_of_a_reminder_change_it_for_everybody(office):
    office.world.load(DATABASE)
    office.world.tick()
    office.world.advance_to(instant("2026-12-06 09:00"))
    mine = office.window("owner")
    theirs = office.window("outsider")
    expect(messages(mine).last).to_contain_text("USD\u00a02,150.00 will be deducted on Sun 13 Dec")
    at = messages(mine).last.get_attribute("data-ts")
    reminders = [page.locator(f"[data-ts='{at}']") for page in (mine, theirs)]

    button(reminders[0], "Keep").click()
    office.awaits(*reminders, text="Kept: USD\u00a02,150.00 will be deducted")
    button(reminders[0], "Undo keep").click()
    office.awaits(*reminders, text="Last safe moment")

    button(reminders[0], "Turn off auto-renewal").click()
    confirm(mine, "Turn off auto-renewal?", "Turn off")
    office.awaits(*reminders, text="Auto-renewal is off: nothing will be deducted")
    for reminder in reminders:
        expect(reminder).to_contain_text("@owner turned it off")
        expect(button(reminder, "Turn off auto-renewal")).to_have_count(0)


def test_the_home_of_an_owner_says_what_comes_and_that_of_an_outsider_what_lapse_is(office):
    office.world.load(*PROD)
    office.world.tick()

    owner = office.home("owner").get_by_role("tabpanel")
    expect(owner.get_by_role("heading").first).to_have_text(
        re.compile("^Next: USD\u00a05,700.00 on Mon 30 Nov 2026")
    )
    for name in (QUOTA, *PACKAGES):
        expect(owner).to_contain_text(name)

    outsider = office.home("outsider").get_by_role("tabpanel")
    expect(outsider.get_by_role("heading", name="Welcome to Lapse")).to_be_visible()
    expect(outsider).not_to_contain_text("5,700.00")
    expect(button(outsider, "Unsubscribe…")).to_have_count(0)


def test_a_list_is_turned_and_a_subscription_opened_by_keyboard_alone(office):
    office.world.load(*PROD, *RUNNERS)
    page = office.window("requester")
    keys = page.keyboard
    for _ in range(3):
        keys.press("F6")
    expect(composer(page)).to_be_focused()
    keys.type("/lapse list")
    keys.press("Enter")
    listed = messages(page).last
    expect(listed).to_contain_text("1 to 10 of 18")

    keys.press("Shift+F6")
    expect(listed).to_be_focused()
    keys.press("Enter")
    keys.press("Tab")
    expect(button(listed, "Next")).to_be_focused()
    keys.press("Enter")
    expect(listed).to_contain_text("11 to 18 of 18")
    expect(listed).to_be_focused()  # what was pressed is gone: there is no third page

    keys.press("Enter")
    expect(listed.get_by_role("combobox")).to_be_focused()
    keys.press("Enter")
    keys.press("End")
    keys.press("Enter")
    shown = messages(page).last
    expect(shown.get_by_role("heading", name="build-runner-15, ECS")).to_be_visible()
    expect(shown).to_contain_text("Turn auto-renewal off")


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    practice = Practice(port=0, data=tmp_path, environ={})
    practice.start()
    yield practice
    practice.stop()


def test_the_practice_workspace_leads_through_itself_and_starts_over(practice, open_page):
    page = open_page(practice.url)
    expect(heading(page)).to_have_text("#finops")
    tour = messages(page).filter(has_text="Try Lapse in three steps")
    expect(messages(page).last).to_contain_text("0 of 3 done")

    button(tour, "Upcoming deductions").click()
    expect(messages(page).last).to_contain_text("Deductions until")
    expect(messages(page).last).to_contain_text("Only visible to you")
    expect(tour).to_contain_text("1 of 3 done")

    top = page.get_by_role("banner")
    panel = page.get_by_role("complementary")
    top.get_by_role("button", name=re.compile("^Clock: ")).click()
    panel.get_by_role("button", name="+1 day").click()
    expect(page.locator(".toast")).to_contain_text(re.compile(r"^Moved 1 day\. New: .*Lapse \d"))

    top.get_by_role("button", name="Cloud", exact=True).click()
    panel.get_by_role("combobox", name="For the next call").click()
    page.get_by_role("option", name="Refuse").click()
    panel.get_by_role("button", name="Set").click()
    badge = top.get_by_text("Cloud: refuses, once")
    expect(badge).to_be_visible()
    top.get_by_role("button", name="Clear Cloud: refuses, once").click()
    expect(badge).to_have_count(0)

    top.get_by_role("button", name=re.compile("^Clock: ")).click()
    panel.get_by_role("button", name="Start over").click()
    confirm(page, "Start over?", "Start over")
    expect(tour).to_contain_text("0 of 3 done")
    expect(messages(page).last).to_contain_text("Try Lapse in three steps")
    expect(top.get_by_role("button", name="Refused 0")).to_be_visible()
