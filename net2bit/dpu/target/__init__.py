"""Which DPU it is: configurations, fingerprints, names and files that describe one, its resources, and what works with what.

Standard library only but for `dcf` (protobuf) and `render` (jinja2), which import theirs when used: the experiment's schemas check a
configuration against its board with the formulas here.
"""
