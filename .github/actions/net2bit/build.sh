#!/usr/bin/env bash
# Builds. Only a run that may publish has the signing key, and a stranger's code has no secret at all.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

if [ "${PUBLISH:-}" != true ]; then unset NET2BIT_SIGNING_KEY; fi
if [ "${SAVE:-}" != true ]; then unset NET2BIT_CACHE_AUTH; fi
case ${INPUT_WORKERS:=1} in
'' | *[!0-9]*)
    printf 'ERROR: workers is %q, not a number\n' "$INPUT_WORKERS" >&2
    exit 1
    ;;
esac

date +%s >"$state/began"
status=0
./doitw -n "$INPUT_WORKERS" "${words[@]}" 2>&1 | tee "$state/build.log" || status=$?
printf 'status=%s\n' "$status" >>"$GITHUB_OUTPUT"
exit "$status"
