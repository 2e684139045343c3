"""The settings of one process: what there is, where each value came from, how it is parsed."""
