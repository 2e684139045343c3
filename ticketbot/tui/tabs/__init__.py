"""The tabs of the terminal UI."""
