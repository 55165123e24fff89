#!/usr/bin/env bash
# Writes the step summary, and keeps the figures for later runs to compare with.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

ci summary
