"""What the proofs may ask for: a place for lives, and silence about what is meant to go wrong."""

import logging
from collections.abc import Iterator

import pytest

from tests.proof.stages import Open, on_model, on_sqlite


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def model() -> Iterator[Open]:
    """Opens a stage on the model of the store for each life."""
    with on_model() as opened:
        yield opened


@pytest.fixture(scope="session")
def sqlite() -> Iterator[Open]:
    """Opens a stage on SQLite for each life."""
    with on_sqlite() as opened:
        yield opened
