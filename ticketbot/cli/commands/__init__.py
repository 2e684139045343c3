"""A module per command: `USAGE` (docopt text; its first line is the summary) and `run(context) -> exit status`."""
