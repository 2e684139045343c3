"""The contract between the server and its user interfaces: requests, responses, and a client."""
