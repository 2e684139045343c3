"""The web panel: pages over the operations of the HTTP API, in this process (section P)."""
