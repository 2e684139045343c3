"""Ticketbot as an AWS Lightsail container service: `make deploy-lightsail` and `make lightsail-logs`."""
