"""The terminal UI, over the HTTP API: `app.run` is all that others need."""
