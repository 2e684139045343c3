"""Syncs of boards, recipients and tickets."""
