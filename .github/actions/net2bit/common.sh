# shellcheck shell=bash disable=SC2034
# What the steps share: where they keep things, the words of the build, and the environment's Python.
set -euo pipefail

state=.net2bit/ci
export NET2BIT_CACHE_DIR=$PWD/$state/cache
export NET2BIT_PYTHON=${NET2BIT_PYTHON:-python}

# The words stand one on each line: no shell ever splits or expands them.
words=()
if [ -f "$state/words" ]; then mapfile -t words <"$state/words"; fi

ci() { .venv/bin/python -m net2bit.ci "$@"; }
