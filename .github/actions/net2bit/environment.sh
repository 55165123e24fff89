#!/usr/bin/env bash
# Hands on the name of the cached environment: it holds for these pins, this Python, this system, at this place.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

digest=$({ cat pyproject.toml constraints.txt && "$NET2BIT_PYTHON" -VV && uname -sm && pwd; } | sha256sum | cut -c1-32)
printf 'key=net2bit-environment-%s\n' "$digest" >>"$GITHUB_OUTPUT"
