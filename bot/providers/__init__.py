"""The clouds: each sells subscriptions and is spoken to through the Provider port."""
