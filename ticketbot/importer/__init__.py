"""Read the database of the Go implementation, and make of it what we can (M1)."""
