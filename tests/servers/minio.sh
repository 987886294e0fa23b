#!/usr/bin/env bash
# MinIO: S3, the second opinion. Its console is on OTHER.
. "$(dirname "$0")/common.sh"
prepare "$cache/minio/stamp" "$@"
export HOME=$dir MINIO_ROOT_USER=test MINIO_ROOT_PASSWORD=testsecret
export MINIO_BROWSER=off MINIO_UPDATE=off MINIO_CALLHOME_ENABLE=off
exec "$cache/minio/minio" server --quiet --address "127.0.0.1:$port" --console-address "127.0.0.1:$other" "$dir/data"
