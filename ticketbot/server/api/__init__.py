"""The HTTP API by subject: each module is a table of operations, `routes` puts them together."""
