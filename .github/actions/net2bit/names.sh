#!/usr/bin/env bash
# Hands on the names of the caches. The keys of the stages are known before anything is built.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

overrides=()
for word in "${words[@]}"; do
    case $word in *=*) overrides+=("$word") ;; esac
done
if ! KEYS=$(./doitw cache keys --hash --stage="${INPUT_STAGE:-}" "${overrides[@]}" 2>"$state/build.log"); then
    cat "$state/build.log" >&2 # a mistake in the words; the summary shows it, too
    exit 1
fi
export KEYS
ci names
