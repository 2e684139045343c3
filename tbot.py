"""Run Ticketbot from a checkout, and give PyInstaller its one entry point."""

import sys

from ticketbot.__main__ import run

if __name__ == "__main__":
    sys.exit(run())
