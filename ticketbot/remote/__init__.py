"""What both clients of external services share: HTTP calls that end in time, and reading of untrusted JSON."""
