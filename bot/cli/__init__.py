"""The command line: `lapse`. Each command imports what it needs when it is called."""

import sys
from collections.abc import Sequence

from bot.cli.failures import Failed, WrongInput, failure_of


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 the work failed, 2 the call or its input is wrong."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """The exit code of a call; its failure is one sentence on standard error."""
    try:
        if arguments[:1] == ["quote"]:
            from bot.cli.quote import quote

            return quote(arguments[1:])
        return _command(arguments)
    except KeyboardInterrupt:
        return _tell(Failed("Stopped; what was done before stays done."))
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - the one top: every failure becomes a sentence
        return _tell(failure_of(error))


def _command(arguments: Sequence[str]) -> int:
    import typer

    from bot.cli.commands import app

    try:
        return int(app(list(arguments), prog_name="lapse", standalone_mode=False) or 0)
    except typer.TyperException as error:
        help_for = " ".join(word for word in arguments[:1] if not word.startswith("-"))
        hint = f"Run `lapse {help_for} --help`.".replace("  ", " ")
        said = error.format_message()
        raise WrongInput(f"{said}{'' if said[-1:] in '.?!' else '.'} {hint}") from error
    except typer.Abort:
        raise KeyboardInterrupt from None


def _tell(failure: Failed) -> int:
    sys.stderr.write(f"{failure}\n")
    return failure.exit_code
