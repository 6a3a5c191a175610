#!/usr/bin/env bash
# CLDR's table of Windows zone names (npm cldr-core 48.2.0) leads to names that IANA renamed long ago: whoever
# offers what it says shows "Asia/Calcutta" for "India Standard Time", which is a link to Asia/Kolkata.
# Seen: India Standard Time is Asia/Calcutta, Nepal Standard Time Asia/Katmandu, Argentina Standard Time
# America/Buenos_Aires.
# Needs Node 20 with npm. Exit 0: as stated. Exit 1: it says something else now.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund cldr-core@48.2.0 >/dev/null
said=$(node -e '
  const zones = require("cldr-core/supplemental/windowsZones.json").supplemental.windowsZones.mapTimezones;
  const of = (name) => zones.map((z) => z.mapZone).find((z) => z._other === name && z._territory === "001")._type;
  console.log(["India", "Nepal", "Argentina"].map((c) => of(c + " Standard Time")).join(" "));
')
echo "cldr-core 48.2.0: $said"
test "$said" = "Asia/Calcutta Asia/Katmandu America/Buenos_Aires"
