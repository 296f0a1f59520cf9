"""The documents say what is there, and everything that is there is in the documents."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.cli.commands import app as command_line
from bot.config import Secrets, Settings
from handlers.manifest import manifest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
WORDS = (
    "list",
    "show",
    "upcoming",
    "unsubscribe",
    "autorenew",
    "requests",
    "savings",
    "delegate",
    "reminders",
    "status",
    "help",
)


def test_every_command_of_the_manifest_is_in_the_readme():
    for command in manifest()["features"]["slash_commands"]:
        for word in WORDS:
            assert f"{command['command']} {word}" in README


def test_every_subcommand_is_in_the_readme():
    for command in command_line.registered_commands:
        assert f"lapse {command.name}" in README


def test_every_setting_is_in_the_readme():
    for section, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        for name in inner or ():
            assert f"{section}.{name}" in README, f"{section}.{name}"
    accounts = Settings.model_fields["accounts"].annotation.__args__[1]
    for name in accounts.model_fields:
        assert f"`{name}`" in README, f"accounts.NAME.{name}"


def test_every_environment_variable_is_in_the_readme():
    for name in Secrets.model_fields:
        assert name.upper() in README


def test_every_dependency_has_its_reason_in_the_architecture():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    reasons = (ROOT / "ARCHITECTURE.md").read_text("utf-8").lower()
    for requirement in project["dependencies"]:
        name = re.split(r"[\[><=;]", requirement)[0].strip()
        assert name.replace("-binary", "") in reasons, name


def test_every_file_that_the_readme_names_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_locks_pin_every_package_with_hashes_and_name_no_index():
    for name in ("requirements.lock", "requirements-test.lock"):
        text = (ROOT / name).read_text("utf-8")
        pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pinned
        assert all("==" in line for line in pinned)
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text
        assert "--index" not in text


@pytest.mark.parametrize("arguments", [["--no-cache"]])
def test_every_import_contract_holds(arguments):
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
