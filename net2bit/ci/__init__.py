"""Builds in GitHub Actions: what an event may do, what the caches are called, and the summary of a run.

The shell steps of `.github/actions/net2bit` call `python -m net2bit.ci`. Nothing here is needed to build.
"""
