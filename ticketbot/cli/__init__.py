"""The commands that call a Ticketbot server over HTTP: typed by operators, run by cron, parsed by scripts."""
