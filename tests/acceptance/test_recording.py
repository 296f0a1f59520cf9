"""What the record has to tell after people did something, and what is erased on demand."""

from collections.abc import Sequence

from bot.ports.store import AuditEntry
from bot.services.forgetting import Forgetting
from tests.acceptance.catalogue import STAGING
from tests.acceptance.people import eventually
from tests.acceptance.test_unsubscribing import ask, card
from tests.acceptance.world import World


def record(world: World) -> Sequence[AuditEntry]:
    assert world.core is not None
    with world.core.store.reading() as tx:
        assert tx.audit.first_bad() is None
        return list(tx.audit.entries())


def lines(world: World, action: str, *, count: int = 1) -> Sequence[AuditEntry]:
    """Those of one action, once there are so many: a refused click is written after its answer."""

    def look() -> Sequence[AuditEntry] | None:
        found = [each for each in record(world) if each.action == action]
        return found if len(found) >= count else None

    return eventually(look, f"{count} lines of {action}")


def asked(world: World):
    world.load(*STAGING)
    ask(world.user("requester"))
    world.tick()
    return world.user("approver-1").newest("approvals", containing="Request 1001")


def executed(world: World, message):
    """The request of a message approved, cooled off and carried out; its card."""
    message.click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)
    for _ in range(4):
        world.advance(seconds=3)
    return card(world, "Done")


def test_the_whole_way_of_a_request_is_in_the_record_with_from_where(world: World):
    executed(world, asked(world))

    assert world.core is not None
    with world.core.store.reading() as tx:
        actions = [each.action for each in tx.audit.entries("request/1001")]
    assert actions[0] == "request.asked"
    for action in (
        "message.posted",
        "request.approved",
        "message.updated",
        "request.started",
        "cloud.unsubscribe",
        "cloud.read",
        "request.verified",
    ):
        assert action in actions, action
    [*_, approved] = lines(world, "request.approved")
    assert approved.origin is not None
    assert approved.origin["channel"] == world.core.policy.approvals_channel
    assert approved.origin["slack"] == world.slack.seed.team_id


def test_a_click_that_is_refused_is_in_the_record(world: World):
    message = asked(world)
    requester = world.user("requester")
    own = requester.newest("approvals", containing="Request 1001")
    own.click("Approve")
    [line] = lines(world, "click.refused")

    assert line.subject == "request/1001"
    assert line.facts["button"] == "request.approve"
    assert line.facts["reason"] == "CannotApproveOwnRequest"
    assert line.actor == lines(world, "request.asked")[0].actor
    assert (line.origin or {})["slack"] == world.slack.seed.team_id
    assert "Waiting" in message.header


def test_who_is_forgotten_is_gone_from_the_record_and_the_closed_request(world: World):
    message = asked(world)
    person = lines(world, "request.asked")[0].actor
    assert world.core is not None
    forgetting = Forgetting(store=world.core.store, clock=world.clock)

    open_still = forgetting.forget(person, by="operator")
    assert open_still.requests.still == (1001,)
    done = executed(world, message)
    world.tick()
    forgotten = forgetting.forget(person, by="operator")

    assert forgotten.requests.erased == (1001,)
    assert forgotten.requests.still == ()
    assert person not in str(record(world))
    with world.core.store.reading() as tx:
        request = tx.requests.get(1001)
    assert request is not None
    assert (request.requested_by, request.details) == ("erased", "erased")
    assert person not in str(request)
    approver = world.user("approver-1")
    approver.newest("approvals", containing=done.header).click("Receipt…")
    assert "erased" in approver.modal(title="Receipt", containing="Asked").words
