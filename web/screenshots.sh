#!/bin/sh
# Takes pictures of every page of the dashboard with the demo's data set: web/screenshots.sh EXECUTABLE [FOLDER]
set -eu
baton=$(realpath "$1")
out=${2:-docs/screenshots}
here=$(cd "$(dirname "$0")" && pwd)
data=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$data"' EXIT INT TERM
export XDG_CONFIG_HOME="$data/config"
"$baton" demo-data --port 0 --data "$data/demo" >"$data/log" 2>&1 &
server=$!
tries=0
# Making two weeks of history takes some seconds.
until url=$(sed -n 's/^ *server *\(http[^ ]*\)$/\1/p' "$data/log" | head -n 1) && test -n "$url" && grep -q 'dashboard, signing in once' "$data/log"; do
  tries=$((tries + 1))
  if test "$tries" -gt 900 || ! kill -0 "$server" 2>/dev/null; then cat "$data/log" >&2; exit 1; fi
  sleep 0.2
done
mkdir -p "$out"
node "$here/scripts/screenshots.mjs" --url "$url" --key "$(head -n 1 "$data/demo/admin.key")" --out "$(realpath "$out")"
