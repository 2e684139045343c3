"""What the server does in the background: read, decide, deliver, keep house."""
