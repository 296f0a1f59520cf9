"""The settings: `lapse.toml`, overridden by `LAPSE_SECTION__KEY`; secrets from the environment."""

from bot.config.loading import WrongSetting, load_secrets, load_settings
from bot.config.sections import Secrets, Settings

__all__ = ["Secrets", "Settings", "WrongSetting", "load_secrets", "load_settings"]
