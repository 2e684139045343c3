"""What an operator types, cron runs and scripts parse: the commands that ask a Ticketbot server over HTTP."""
