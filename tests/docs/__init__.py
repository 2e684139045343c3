"""The documentation is complete, current and true."""
