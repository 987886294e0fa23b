#!/usr/bin/env bash
# toxiproxy: a network with faults on demand. Its HTTP API is on PORT; proxies are made over it.
. "$(dirname "$0")/common.sh"
prepare "$cache/toxiproxy/stamp" "$@"
exec "$cache/toxiproxy/toxiproxy-server" -host 127.0.0.1 -port "$port"
