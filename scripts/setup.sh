#!/usr/bin/env bash
# Installs what the tests and the demo need beside Rust, where this user may; else says what is missing.
set -u
declare -A package=([cmake]=cmake [nasm]=nasm [mosquitto]=mosquitto [openssl]=openssl)
missing=()
for tool in "${!package[@]}"; do
    command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] || missing+=("${package[$tool]}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    echo "Installing ${missing[*]} …"
    "${as_root[@]}" apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null &&
        exit 0
fi
echo "Not on this machine, and not to be installed by this user: ${missing[*]}." >&2
echo "Vigie runs without them (slower JPEGs without cmake and nasm; tests that need mosquitto say so)." >&2
