"""Pure functions on frozen values: who must know what, and when to try again."""
