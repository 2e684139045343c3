"""The client of ConnectWise PSA, its records, and the signatures of its webhooks."""
