#!/usr/bin/env bash
# mongo-java-server: speaks MongoDB's wire protocol, fast, and forgets all at its end.
. "$(dirname "$0")/common.sh"
prepare "$cache/mongo-java/stamp" "$@"
exec java -Xmx512m -XX:+UseSerialGC -cp "$cache/mongo-java/classes:$cache/mongo-java/lib/*" Main "$port"
