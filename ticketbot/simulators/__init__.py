"""ConnectWise and Webex as small HTTP services with faults on demand, for `tbot demo`, tests and benchmarks."""
