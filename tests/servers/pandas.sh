#!/usr/bin/env bash
# Python with pandas, for tests of files that people read with it: pandas.sh ARGUMENTS OF PYTHON.
. "$(dirname "$0")/common.sh"
[ -e "$cache/pandas/stamp" ] || { echo "pandas is not installed: tests/servers/install.sh pandas says why" >&2; exit 69; }
exec "$cache/pandas/bin/python" "$@"
