"""Record the cassettes anew: from the replay server, or from real accounts whose credentials are in the environment."""
