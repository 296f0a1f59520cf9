"""A local Slack: what the bot sees of Slack, on loopback; knows nothing of Lapse."""
