"""How results are worded for people, the same in every interface."""
