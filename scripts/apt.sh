#!/usr/bin/env bash
# Installs Debian packages, apt.sh PACKAGE…, where this user may; else fails.
set -u
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null || exit 1
echo "Installing $* …"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
"${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null
