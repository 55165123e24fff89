"""The command line `net2bit`: parts of the flow on their own, without a build. This file imports nothing, a command what it needs."""
