"""What the pages that are played need: the command line and its server."""

from tests.cli.conftest import _own_surroundings, cli

__all__ = ("_own_surroundings", "cli")
