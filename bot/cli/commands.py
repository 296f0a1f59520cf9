"""Every command of `lapse`, gathered."""

import typer

from bot.cli import catalogue, operating, planning, records, saving

app = typer.Typer(
    name="lapse",
    help=(
        "Warns before a cloud takes money for a renewal, "
        "and unsubscribes after a second person approved."
    ),
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for part in (operating, catalogue, planning, records, saving):
    part.register(app)
