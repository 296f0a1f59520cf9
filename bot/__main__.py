"""`python -m bot` is `lapse`."""

from bot.cli import main

if __name__ == "__main__":
    main()
