"""Lapse: warns before a cloud takes money for a renewal, and unsubscribes after a second person approved."""
