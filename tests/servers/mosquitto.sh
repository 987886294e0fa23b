#!/usr/bin/env bash
# mosquitto. MOSQUITTO_MAX_PACKET: the largest packet it takes, in bytes. MOSQUITTO_MAX_INFLIGHT: messages it takes at a time.
. "$(dirname "$0")/common.sh"
program=$(command -v mosquitto || true)
prepare "$program" "$@"
# As root, mosquitto would become a user that may not read DIR.
cat >"$dir/mosquitto.conf" <<END
user $(id -un)
persistence true
persistence_location $dir/data/
max_queued_messages 100000
max_inflight_messages ${MOSQUITTO_MAX_INFLIGHT:-20}
max_packet_size ${MOSQUITTO_MAX_PACKET:-67108864}
listener $port $host
allow_anonymous true
END
exec "$program" -c "$dir/mosquitto.conf"
