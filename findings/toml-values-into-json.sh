#!/usr/bin/env bash
# toml 1 read straight into serde_json::Value loses values of TOML without a word: `inf` and `nan` become null,
# and a date becomes an object with a key that is private to the crate.
# Seen with toml 1.2.1 and serde_json 1: {"rate":null,"day":{"$__toml_private_datetime":"2026-12-24"}}
# Needs cargo. Exit 0: as stated. Exit 1: it behaves otherwise now.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p src
cat > Cargo.toml <<'TOML'
[package]
name = "values"
version = "0.0.0"
edition = "2024"
[dependencies]
serde_json = "=1.0.154"
toml = "=1.2.1"
TOML
cat > src/main.rs <<'RUST'
fn main() {
    let value: serde_json::Value = toml::from_str("rate = inf\nday = 2026-12-24\n").unwrap();
    println!("{} {}", value["rate"], value["day"]);
}
RUST
cargo build --quiet
said=$(target/debug/values)
echo "toml 1.2.1, serde_json 1.0.154: $said"
test "$said" = 'null {"$__toml_private_datetime":"2026-12-24"}'
