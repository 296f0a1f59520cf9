"""How many examples a property is tried with: enough to fail, few enough to be quick."""

from hypothesis import settings

settings.register_profile("rules", max_examples=60, deadline=None)
settings.load_profile("rules")
