"""The ports: what the use cases need of the world, and what each promises."""
