"""What people are told: frozen values that use cases return, messages carry and builders arrange."""
