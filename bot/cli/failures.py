"""What went wrong, as one sentence and an exit code."""

import logging
import sys
from collections.abc import Sequence

log = logging.getLogger(__name__)

WRONG_INPUT = (
    "bot.billing.figures.UnclearFacts",
    "bot.billing.rulesets.UnknownRuleSet",
    "bot.config.loading.WrongSetting",
    "bot.localslack.guard.RealWorkspaceConfigured",
    "bot.services.errors.Refused",
)
FAILED = (
    "bot.demo.practice.DirectoryUnusable",
    "bot.localslack.guard.PortInUse",
    "bot.ports.provider.ProviderError",
    "bot.services.errors.ImportRunning",
    "bot.services.errors.SyncHeldUp",
    "bot.web.PortInUse",
    "handlers.connection.SlackAway",
    "storage.errors.StorageError",
)
"""Expected errors by name, since importing all of them would take longer than most commands."""


class Failed(Exception):
    """The work failed; the message says what to do."""

    exit_code = 1


class WrongInput(Failed):
    """The call or its input is wrong; nothing was done."""

    exit_code = 2


def failure_of(error: Exception) -> Failed:
    """Translate an expected error; a surprise is logged with its trace and told as such."""
    if isinstance(error, Failed):
        return error
    known = _known(error)
    if known is not None:
        return known
    log.debug("surprise", exc_info=error)
    kind = type(error).__name__
    return Failed(f"That did not work ({kind}: {error}). Set LAPSE_LOG=debug to see the trace.")


def _known(error: Exception) -> Failed | None:
    said = str(error).replace("`/lapse ", "`lapse ")  # here no slash begins a command
    if isinstance(error, _loaded(FAILED)):  # some are refusals, but not of the call
        return Failed(said)
    if isinstance(error, _loaded(WRONG_INPUT)):
        return WrongInput(said)
    return None


def _loaded(names: Sequence[str]) -> tuple[type[Exception], ...]:
    """The classes among these whose module is there already: no other can have been raised."""
    split = [name.rsplit(".", 1) for name in names]
    return tuple(getattr(sys.modules[at], name) for at, name in split if at in sys.modules)
