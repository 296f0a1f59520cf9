"""Turning auto-renewal off: the facts, the confirmed press, the form, what was read back."""

from dataclasses import replace

import pytest

from bot.billing.subscription import AccountName, SubscriptionKey
from bot.facts.renewing import Renewal, Renewals, TurnedOff, TurnedOffItem
from bot.services.errors import AlreadyOff, NotAllowed
from handlers import ids
from handlers.blocks import renewing
from tests.factories import NOW, OWNER, instant, order, usd
from tests.unit.handlers.catalogue import ORCHESTRATION, SCREEN, SM_QUOTA, row
from tests.unit.handlers.looks import accepted, accepted_view, plain, read, words


def item(subscription, **changes) -> Renewal:
    listed = row(1, subscription)
    facts = {
        "subscription": subscription,
        "anchor": listed.anchor,
        "amount": listed.amount,
        "safe_until": instant("2026-11-30 00:00"),
    }
    return Renewal(**(facts | changes))


def settings(*subscriptions, dry_run=False) -> Renewals:
    return Renewals(items=tuple(item(s) for s in subscriptions), dry_run=dry_run, now=NOW)


def result(*items, dry_run=False) -> TurnedOff:
    return TurnedOff(items=tuple(items), by=OWNER, at=instant("2026-11-23 10:12"), dry_run=dry_run)


def off(subscription, **changes) -> TurnedOffItem:
    facts = {"key": subscription.key, "subscription": subscription, "off": True}
    return TurnedOffItem(**(facts | changes))


def test_the_command_shows_the_facts_and_one_button_that_asks(stage, fakes):
    fakes.renewing.settings = settings(SM_QUOTA)

    answer = stage.command("autorenew off sm-quota")

    shown = read(answer["blocks"])
    assert shown[0] == "Turn off auto-renewal: SecMaster Professional, 50 ECS"
    assert shown[1] == "**SecMaster Professional, 50 ECS** · prod · ap-southeast-1"
    assert "**Last safe moment**\nSun 29 Nov 2026, 23:59 GMT+08:00" in shown[2]
    [button] = answer["blocks"][-1]["elements"]
    assert button["action_id"] == ids.AUTORENEW_OFF
    assert plain(button["confirm"]["text"]["text"]) == (
        "SecMaster Professional, 50 ECS ends on Mon 7 Dec 2026, 23:59 GMT+08:00 unless someone "
        "renews it. USD 3,600.00 will not be deducted."
    )
    assert fakes.renewing.turned == []


def test_with_packages_the_button_asks_which(stage, fakes):
    fakes.renewing.settings = settings(SM_QUOTA, SCREEN)

    answer = stage.command("autorenew off sm-quota")

    [button] = answer["blocks"][-1]["elements"]
    assert button["action_id"] == ids.AUTORENEW_FORM
    assert "1 package beside it" in read(answer["blocks"])[3]


def test_what_has_expired_may_still_be_charged_and_works_no_more():
    late = instant("2026-11-24 03:00")
    expired = replace(SM_QUOTA, orders=(order("2025-11-12 09:20"),))
    renewal = item(expired, anchor=None, amount=usd("3600"), safe_until=late, late_charge_at=late)

    content = accepted(renewing.turning_off(Renewals(items=(renewal,), dry_run=False, now=NOW)))

    assert words(content.blocks)[2] == (
        "**May still be charged**\nTue 24 Nov 2026, 03:00 GMT+08:00 | "
        "**Amount expected**\nUSD 3,600.00 | "
        "**Last safe moment**\nTue 24 Nov 2026, 02:59 GMT+08:00 | "
        "**Expired**\nThu 12 Nov 2026, 23:59 GMT+08:00"
    )
    assert plain(content.text) == (
        "Turn off auto-renewal of SecMaster Professional, 50 ECS, prod? It ended on Thu 12 Nov "
        "2026, 23:59 GMT+08:00. USD 3,600.00 will not be deducted. Press Turn off auto-renewal."
    )
    assert words(accepted(renewing.turned_off(result(off(expired)))).blocks)[1] == (
        "**SecMaster Professional, 50 ECS** · off, ended on Thu 12 Nov 2026, 23:59 GMT+08:00"
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("autorenew", "Say on or off, and which one. Write `/lapse autorenew off sm-quota`."),
        ("autorenew on", "Say which one. Write `/lapse autorenew on sm-quota`."),
        ("autorenew <!here>", "Say on or off. Write `/lapse autorenew off &lt;!here&gt;`."),
    ],
)
def test_an_incomplete_command_says_what_is_missing(stage, typed, said):
    assert stage.command(typed)["text"] == said


def test_a_confirmed_press_shows_at_once_and_then_the_result_in_its_place(stage, fakes):
    fakes.renewing.result = result(off(SM_QUOTA))

    stage.press(ids.AUTORENEW_OFF, "prod/sm-quota")

    progress, done = stage.answers
    assert progress["text"] == "<@U0OWNER> is turning it off…"
    assert (progress["replace_original"], done["replace_original"]) == (True, True)
    assert fakes.renewing.turned == [
        ((SubscriptionKey(AccountName("prod"), "sm-quota"),), "U0OWNER")
    ]
    assert read(done["blocks"]) == [
        ":white_check_mark: Auto-renewal is off: nothing will be deducted",
        "**SecMaster Professional, 50 ECS** · off, works until Mon 7 Dec 2026, 23:59 GMT+08:00",
        "<@U0OWNER> turned it off, Mon 23 Nov, 10:12 GMT+08:00. Read back at the cloud.",
        "[Turn on again…]",
    ]


def test_a_refusal_takes_the_place_of_what_was_shown_in_the_meantime(stage, fakes):
    fakes.renewing.fails = AlreadyOff(OWNER, instant("2026-11-16 10:05"))

    stage.press(ids.AUTORENEW_OFF, "prod/sm-quota")

    refused = stage.answers[-1]
    assert refused["replace_original"] is True
    assert refused["text"] == (
        "<@U0OWNER> turned it off, Mon 16 Nov 2026, 10:05 GMT+08:00. Nothing to do."
    )


def test_the_form_ticks_every_package_beforehand(stage, fakes, client):
    fakes.renewing.settings = settings(SM_QUOTA, SCREEN, ORCHESTRATION)

    stage.press(ids.AUTORENEW_FORM, "prod/sm-quota")

    view = client.of("views.open")[0]["view"]
    assert (view["title"]["text"], view["submit"]["text"], view["close"]["text"]) == (
        "Turn off auto-renewal",
        "Turn off",
        "Go back",
    )
    boxes = view["blocks"][1]["element"]
    assert [plain(option["text"]["text"]) for option in boxes["options"]] == [
        "SecMaster Professional, 50 ECS · USD 3,600.00",
        "Large screen · USD 900.00",
        "Security orchestration · USD 1,200.00",
    ]
    assert boxes["initial_options"] == boxes["options"]


def test_whom_none_of_it_is_theirs_hears_that_before_the_form_opens(stage, fakes, client):
    fakes.renewing.settings = settings(SM_QUOTA, SCREEN)
    fakes.renewing.fails = NotAllowed.caring([OWNER])

    stage.press(ids.AUTORENEW_FORM, "prod/sm-quota")

    assert client.of("views.open") == []
    assert "Only <@U0OWNER> or an approver can do this." in stage.answers[-1]["text"]


def test_the_form_without_a_tick_says_so_under_the_field(stage, fakes):
    answer = stage.submit(ids.AUTORENEW_FORM, _ticks())

    assert answer == {
        "response_action": "errors",
        "errors": {ids.AUTORENEW_TICKS: "Tick at least one subscription."},
    }
    assert fakes.renewing.turned == []


def test_only_what_is_ticked_is_turned_off_and_the_modal_shows_the_result(stage, fakes, client):
    fakes.renewing.result = result(off(SM_QUOTA), off(SCREEN))

    answer = stage.submit(ids.AUTORENEW_FORM, _ticks("prod/sm-quota", "prod/sm-screen"))

    assert answer["response_action"] == "update"
    assert read(answer["view"]["blocks"]) == ["<@U0OWNER> is turning it off…"]
    [(keys, by)] = fakes.renewing.turned
    assert [key.id for key in keys] == ["sm-quota", "sm-screen"]
    assert by == "U0OWNER"
    [updated] = client.of("views.update")
    assert read(updated["view"]["blocks"])[0].startswith(":white_check_mark: Auto-renewal is off")


def test_what_stayed_on_says_why():
    content = accepted(
        renewing.turned_off(
            result(off(SM_QUOTA), off(SCREEN, off=False, error="Another order is not paid."))
        )
    )

    end = "Mon 7 Dec 2026, 23:59 GMT+08:00"
    assert words(content.blocks)[:2] == [
        ":warning: Auto-renewal is off for 1 of 2",
        (
            f"**SecMaster Professional, 50 ECS** · off, works until {end}\n"
            "**Large screen** · still on: Another order is not paid."
        ),
    ]
    assert "still on: Another order is not paid." in content.text


def test_nothing_turned_off_never_reads_like_success():
    content = accepted(renewing.turned_off(result(off(SM_QUOTA, off=False))))

    assert words(content.blocks)[0] == ":warning: Auto-renewal is still on"
    assert "Read back" not in "".join(words(content.blocks))


def test_a_dry_run_says_that_nothing_was_changed():
    content = accepted(renewing.turned_off(result(off(SM_QUOTA, off=False), dry_run=True)))

    assert content.text.startswith("Dry run: ")
    assert words(content.blocks)[0] == (
        ":white_check_mark: Dry run: auto-renewal would have been turned off"
    )
    assert words(content.blocks)[-1] == "Dry run: nothing is changed at the cloud."


def test_a_form_of_many_packages_keeps_to_ten_boxes():
    many = [replace(SCREEN, key=SubscriptionKey(AccountName("prod"), f"p{n}")) for n in range(30)]

    accepted_view(renewing.form(settings(SM_QUOTA, *many)))


def test_unknown_amounts_are_said_in_words():
    unknown = Renewals(items=(item(SM_QUOTA, amount=None, anchor=None),), dry_run=True, now=NOW)

    content = accepted(renewing.turning_off(unknown))

    assert "amount not known" in content.text
    assert usd("0") != unknown.items[0].amount


def _ticks(*keys: str) -> dict[str, object]:
    options = [{"text": {"type": "plain_text", "text": key}, "value": key} for key in keys]
    boxes = {"type": "checkboxes", "selected_options": options}
    return {ids.AUTORENEW_TICKS: {ids.AUTORENEW_TICKS: boxes}}
