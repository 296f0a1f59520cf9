"""Starts the practice workspace: the local Slack with its panels, and the bot on its stage."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from bot.demo.clock_panel import ClockPanel
from bot.demo.cloud_panel import CloudPanel
from bot.demo.stage import DATABASE, Stage, open_core, set_up
from bot.demo.workspace import practice_seed
from bot.localslack.server import LocalSlack, refuse_beside_real_tokens
from storage.errors import DatabaseInUse


class DirectoryUnusable(Exception):
    """A practice workspace runs in the directory already, or none can be kept there."""


class Practice:
    """One practice workspace in a directory; started again, it goes on where it was.

    Raises RealWorkspaceConfigured, PortInUse and DirectoryUnusable.
    """

    def __init__(self, *, port: int, data: Path, environ: Mapping[str, str]) -> None:
        refuse_beside_real_tokens(environ)
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DirectoryUnusable(
                f"{data} cannot be used: {error.strerror}. Name another directory with `--data`."
            ) from None
        self._data = data
        self._core = open_core(data)
        self._stage: Stage | None = None
        self._held = ExitStack()
        self._slack = LocalSlack(
            seed=practice_seed(),
            data=data,
            clock=self,
            panels=[
                ClockPanel(stage=self._on_stage, counted=self._counted, start_over=self.start_over),
                CloudPanel(stage=self._on_stage),
            ],
            port=port,
        )

    @property
    def url(self) -> str:
        """The address of the page."""
        return self._slack.url

    def now(self) -> datetime:
        """The practice time, which the local Slack goes by as well."""
        return self._core.clock.now()

    def start(self) -> None:
        """Bring everything up; returns when the page can be opened."""
        try:
            self._held.callback(self._core.database.dispose)
            self._held.enter_context(self._core.sole_runner())
            self._slack.start()
            self._held.callback(self._slack.stop)
            self._stage = set_up(self._core, self._slack)
        except DatabaseInUse:
            self.stop()
            raise DirectoryUnusable(
                f"Another `lapse demo` uses {self._data}. "
                "Stop that one, or name another with `--data`."
            ) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let go of everything, the youngest first."""
        self._take_down()
        self._held.close()

    def start_over(self) -> None:
        """Empty the database and the workspace, and begin anew in real time."""
        self._take_down()
        for file in self._data.glob(f"{DATABASE}*"):
            if file.suffix != ".lock":
                file.unlink()
        self._core = open_core(self._data)
        self._slack.reset()
        self._stage = set_up(self._core, self._slack)

    def _take_down(self) -> None:
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.close()

    def _on_stage(self) -> Stage | None:
        return self._stage

    def _counted(self) -> Mapping[str, int]:
        """How many messages each conversation holds, by the name that people see."""
        seed = self._slack.seed
        counts = {f"#{each.name}": len(self._slack.messages(each.id)) for each in seed.channels}
        direct = sum(len(self._slack.messages(seed.dm_of(each.id))) for each in seed.humans)
        return counts | {"Lapse": direct}
