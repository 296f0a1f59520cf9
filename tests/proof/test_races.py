"""Replicas that race for one due set tell each of its reminders once."""

from collections import Counter

import pytest

from tests.conftest import ONLY_POSTGRESQL
from tests.proof.racing import raced


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
@pytest.mark.parametrize(("replicas", "reminders"), [(2, 200), (4, 200), (8, 1000)])
def test_replicas_that_race_for_one_due_set_tell_each_reminder_once(
    any_url: str, replicas: int, reminders: int
):
    told = Counter(raced(any_url, replicas=replicas, reminders=reminders))

    assert len(told) == reminders
    assert set(told.values()) == {1}
