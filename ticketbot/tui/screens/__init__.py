"""The tabs: each knows its rows, what can be done with them, and what to say when there are none."""
