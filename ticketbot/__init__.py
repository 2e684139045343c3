"""Ticketbot tells the people of a managed service provider in Webex what happens to their ConnectWise tickets."""

__version__ = "2.0.0"
