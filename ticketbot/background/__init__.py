"""What a server does all the time or every so often: workers and periodic jobs."""
