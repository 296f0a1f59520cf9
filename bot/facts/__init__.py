"""What people are told: frozen values that use cases return and builders arrange."""
