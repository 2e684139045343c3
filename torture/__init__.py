"""Run the real program under injected faults, then check that it kept its promises."""
