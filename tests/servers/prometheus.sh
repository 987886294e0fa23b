#!/usr/bin/env bash
# Prometheus with deploy/prometheus.yml. PROMETHEUS_TARGETS: what it scrapes, "host:port", …
. "$(dirname "$0")/common.sh"
program=$(command -v prometheus || true)
prepare "$program" "$@"
sed -e "s/^\( *- targets:\).*/\1 [${PROMETHEUS_TARGETS:-}]/" -e 's/^\( *scrape_interval:\).*/\1 500ms/' \
    "$here/../../deploy/prometheus.yml" >"$dir/prometheus.yml"
exec "$program" --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" \
    --web.listen-address="127.0.0.1:$port" --log.level=warn
