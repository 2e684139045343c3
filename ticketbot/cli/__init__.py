"""The command line: each command is a module of `commands`, with its usage text, its action and its output."""
