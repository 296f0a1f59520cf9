"""Replicas that race for one due set tell each of its reminders once."""

from collections import Counter

import pytest

from tests.conftest import ONLY_POSTGRESQL
from tests.proof.racing import raced

REMINDERS = 1000


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
@pytest.mark.parametrize("replicas", [2, 4, 8])
def test_replicas_that_race_for_one_due_set_tell_each_reminder_once(any_url: str, replicas: int):
    told = Counter(raced(any_url, replicas=replicas, reminders=REMINDERS))

    assert len(told) == REMINDERS
    assert set(told.values()) == {1}
