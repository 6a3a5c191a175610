#!/bin/sh
# Makes this machine a Baton robot: fetches the executable from the server, enrols, and starts.
#   sh install.sh TOKEN [NAME]
set -eu

url='@URL@'
fingerprint='@FINGERPRINT@'
sum='@SHA256@'
platform='@PLATFORM@'

token="${1:-}"
name="${2:-$(hostname)}"
if [ -z "$token" ]; then
    echo "usage: sh install.sh TOKEN [NAME]   (a token comes from 'baton robots enroll' or the dashboard)" >&2
    exit 2
fi

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

folder="${BATON_HOME:-$HOME/.local/bin}"
mkdir -p "$folder"
new="$folder/.baton.new.$$"
trap 'rm -f "$new"' EXIT
# The checksum vouches for what comes, whatever certificate it came under.
insecure=''
if [ -n "$fingerprint" ]; then insecure='-k'; fi
curl -fsSL $insecure "$url/api/v1/agent/baton" -o "$new"
if command -v sha256sum >/dev/null 2>&1; then
    echo "$sum  $new" | sha256sum -c - >/dev/null
else
    echo "$sum  $new" | shasum -a 256 -c - >/dev/null
fi
chmod 755 "$new"
mv -f "$new" "$folder/baton"
echo "installed $folder/baton"

set -- robot --server "$url" --token "$token" --name "$name"
if [ -n "$fingerprint" ]; then set -- "$@" --fingerprint "$fingerprint"; fi
exec "$folder/baton" "$@"
