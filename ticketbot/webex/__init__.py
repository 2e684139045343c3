"""The client of Cisco Webex."""
