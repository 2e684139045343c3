"""The HTTP server: webhooks in, the API for operators, and the one place that assembles the whole."""
