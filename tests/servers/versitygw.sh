#!/usr/bin/env bash
# versitygw: S3 over a folder. A folder in DIR/data is a bucket.
. "$(dirname "$0")/common.sh"
prepare "$cache/versitygw/stamp" "$@"
mkdir -p "$dir/versions"
exec "$cache/versitygw/versitygw" --quiet --port "127.0.0.1:$port" --access test --secret testsecret --health /health \
    posix --versioning-dir "$dir/versions" "$dir/data"
