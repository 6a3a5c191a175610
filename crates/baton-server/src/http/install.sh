#!/bin/sh
# Makes this machine a Baton robot: fetches the executable from the server, enrols, and starts.
#   sh install.sh TOKEN [NAME] [FLAGS of `baton robot`, such as --slots 2 --label sap]
# BATON_HOME is the folder for the executable, BATON_ROBOT_DATA the one for the robot's data.
set -eu

url='@URL@'
fingerprint='@FINGERPRINT@'
sum='@SHA256@'
platform='@PLATFORM@'

token="${1:-}"
if [ -z "$token" ]; then
    echo "usage: sh install.sh TOKEN [NAME] [FLAGS]   (a token comes from 'baton robots enroll' or the dashboard)" >&2
    exit 2
fi
shift
case "${1:--}" in
    -*) name="$(uname -n)" ;;
    *) name="$1"; shift ;;
esac

case "$(uname -s) $(uname -m)" in
    "Linux x86_64") here='linux x86_64' ;;
    "Linux aarch64") here='linux aarch64' ;;
    "Darwin arm64") here='macos aarch64' ;;
    "Darwin x86_64") here='macos x86_64' ;;
    *) here="$(uname -s) $(uname -m)" ;;
esac
if [ "$here" != "$platform" ]; then
    echo "the server's executable is for $platform, this machine is $here; install baton for it by other means" >&2
    exit 1
fi

# The places that `baton service install robot` uses, so that a service finds this robot again.
if [ "$(id -u)" = 0 ]; then
    folder="${BATON_HOME:-/usr/local/bin}"
    data="${BATON_ROBOT_DATA:-/var/lib/baton/robot}"
    service="$folder/baton service install robot"
else
    folder="${BATON_HOME:-$HOME/.local/bin}"
    data="${BATON_ROBOT_DATA:-${XDG_DATA_HOME:-$HOME/.local/share}/baton/robot}"
    service="$folder/baton service install robot --user"
fi

mkdir -p "$folder"
new="$folder/.baton.new.$$"
trap 'rm -f "$new"' EXIT
# The checksum vouches for what comes, whatever certificate it came under.
insecure=''
if [ -n "$fingerprint" ]; then insecure='-k'; fi
curl -fsSL $insecure "$url/api/v1/agent/baton" -o "$new"
if command -v sha256sum >/dev/null 2>&1; then
    found="$(sha256sum "$new" | cut -d' ' -f1)"
else
    found="$(shasum -a 256 "$new" | cut -d' ' -f1)"
fi
if [ "$found" != "$sum" ]; then
    echo "what $url sent is not the executable that this script vouches for: nothing was installed" >&2
    exit 1
fi
chmod 755 "$new"
mv -f "$new" "$folder/baton"
echo "installed $folder/baton; the robot's data is in $data"
echo "to start it with the machine, stop it here with Ctrl-C and run: $service --data '$data'"

# Process lists show arguments; the environment is the owner's own.
BATON_ENROLMENT_TOKEN="$token"
export BATON_ENROLMENT_TOKEN
set -- robot --server "$url" --name "$name" --data "$data" "$@"
if [ -n "$fingerprint" ]; then set -- "$@" --fingerprint "$fingerprint"; fi
exec "$folder/baton" "$@"
