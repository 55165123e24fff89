#!/usr/bin/env bash
# Sets the environment up, and writes the words of the build with what this run may do.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

rm -rf "$state/began" "$state/build.log" "$state/figures" # of an earlier run, where the machine keeps its folders
./doitw --version
ci words
