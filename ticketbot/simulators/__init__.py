"""ConnectWise and Webex as small real HTTP services with faults on demand, for `tbot demo` and for proof."""
