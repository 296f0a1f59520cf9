"""The demo: a practice workspace on loopback, on exactly the code path of a real one."""
