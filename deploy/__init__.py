"""What puts Ticketbot where it runs, and the check of it all."""
