"""What others change while a new generation is being written beside what they see."""

from collections.abc import Collection

from bot.billing.subscription import SubscriptionKey
from storage.tables import touched
from storage.work import Work


def note_touched(work: Work, keys: Collection[SubscriptionKey]) -> None:
    """Have the pending generation look at these again before it is seen; without one nothing."""
    if work.generation.pending is None or not keys:
        return
    work.connection.execute(
        work.insert(touched).on_conflict_do_nothing(),
        [{"team_id": work.team_id, "account": key.account, "id": key.id} for key in keys],
    )
