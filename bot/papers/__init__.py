"""A receipt on paper: as JSON, as a page, as lines; each arranges what `bot.facts.receipt` says."""
