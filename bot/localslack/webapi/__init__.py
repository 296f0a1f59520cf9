"""The Web API: the methods that the app calls."""
