"""What requests about auto-renewal save: turning off avoids a renewal, turning on saves nothing."""

import pytest

from bot.billing.savings import Stage
from bot.billing.unsubscription import State
from bot.facts.saving import Savings, SavingsQuery
from bot.ports.store import Store
from bot.services.saving import Saving
from tests.clocks import SettableClock
from tests.factories import OWNER, key, package, quota, usd
from tests.unit.services.desk import Desk
from tests.unit.services.rig import SHANGHAI
from tests.unit.services.test_switching import OF_LATER, OFF, ON, ask, other, run


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    held = [quota(orders=(OF_LATER,)), package(orders=(OF_LATER,), auto_renew=False)]
    return other(Desk(store, clock, held), autorenew_off=True)


def savings(desk: Desk) -> Savings:
    return Saving(store=desk.store, zone=SHANGHAI).savings(SavingsQuery())


def renewals(desk: Desk) -> list[int]:
    [row] = savings(desk).rows
    return [int(row.figures[stage].renewals.amount) for stage in Stage]


def test_a_request_to_turn_off_goes_through_the_three_stages(desk: Desk) -> None:
    request = ask(desk, OFF, by=OWNER)
    assert savings(desk).rows == ()

    desk.unsubscribing.approve(request.number, by="U0APPROVER1")
    assert renewals(desk) == [3600, 0, 0]

    desk.cool_off()
    desk.run(seconds=15)
    assert desk.get(request.number).state is State.DONE
    assert renewals(desk) == [3600, 3600, 3600]
    [row] = savings(desk).rows
    assert row.figures[Stage.VERIFIED].refund_at_cloud == usd(0)
    assert savings(desk).renewals_not_known == 0


def test_turning_on_saves_nothing(desk: Desk) -> None:
    assert run(desk, ask(desk, ON, "sm-screen")).state is State.DONE

    assert savings(desk).rows == ()


def test_what_a_request_turned_on_again_leaves_verified(desk: Desk) -> None:
    run(desk, ask(desk, OFF, by=OWNER))
    run(desk, ask(desk, ON))

    assert renewals(desk) == [3600, 3600, 0]


def test_asked_twice_and_pressed_once_it_is_one_renewal(desk: Desk) -> None:
    run(desk, ask(desk, OFF, by=OWNER))
    run(desk, ask(desk, ON))
    other(desk)
    desk.renewing.turn_off([key("sm-quota")], by=OWNER)

    assert renewals(desk) == [3600, 3600, 3600]
