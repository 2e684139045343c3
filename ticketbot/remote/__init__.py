"""The outside world: ConnectWise and Webex over HTTP, without a database."""
