"""What a server does continuously or periodically: workers and periodic jobs."""
