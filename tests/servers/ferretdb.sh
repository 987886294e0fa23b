#!/usr/bin/env bash
# FerretDB on SQLite: speaks MongoDB's wire protocol and keeps its data.
. "$(dirname "$0")/common.sh"
prepare "$cache/ferretdb/stamp" "$@"
exec "$cache/ferretdb/ferretdb" "$host:$port" "$dir/data"
