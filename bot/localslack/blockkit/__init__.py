"""Block Kit: what Slack accepts, what people miss, and what was entered."""
