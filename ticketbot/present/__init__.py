"""How results are presented to people, the same in every interface."""
