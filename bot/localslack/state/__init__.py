"""What the workspace remembers: rooms, windows, and who may still open one."""
