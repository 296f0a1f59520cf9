"""Lapse: warns before a cloud takes money, and unsubscribes after a second person approved."""
