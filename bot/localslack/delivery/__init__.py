"""Reaching the app: by socket or signed post, with acks watched."""
