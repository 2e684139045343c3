"""The path of an event: accept, fetch, load facts, decide, commit, deliver."""
