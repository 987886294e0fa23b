#!/usr/bin/env bash
# Installs what the tests and the demo need beside Rust, where this user may; else says what is missing.
set -u
declare -A package=([cmake]=cmake [nasm]=nasm [mosquitto]=mosquitto [openssl]=openssl [ip]=iproute2)
missing=()
for tool in "${!package[@]}"; do
    command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] || missing+=("${package[$tool]}")
done
# Kafka's TLS. Without it, OpenSSL is built from source (three minutes).
pkg-config --exists openssl 2>/dev/null || missing+=(pkg-config libssl-dev)
[ ${#missing[@]} -gt 0 ] || exit 0

"$(dirname "$0")/apt.sh" "${missing[@]}" && exit 0
echo "Not on this machine, and not to be installed by this user: ${missing[*]}." >&2
echo "Vigie runs without them (slower JPEGs without cmake and nasm; tests that need mosquitto or iproute2 say so)." >&2
