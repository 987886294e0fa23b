#!/usr/bin/env bash
# Starts the servers on free ports, for a person to use until ^C, or for a command: up.sh [--for COMMAND…]
. "$(dirname "$0")/common.sh"
case ${1:-} in
    '') ;;
    --for) shift ;;
    *) echo "usage: up.sh [--for COMMAND…]" >&2; exit 2 ;;
esac
"$here/install.sh"

work=$(mktemp -d)
# Each server is on a leash whose other end is held here alone (3): it ends with this script, however this ends.
mkfifo "$work/leash"
exec 3<>"$work/leash"
stop() {
    trap '' INT TERM HUP
    kill -TERM $(jobs -rp) 2>/dev/null || true
    for _ in {1..100}; do
        [ -n "$(jobs -rp)" ] || break
        sleep 0.1
    done
    exec 3>&-
    wait
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

answers() { (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
taken=" "
# Sets `free` to a port below those that the system gives to connections.
free_port() {
    while free=$((20000 + RANDOM % 12000)); do
        [[ $taken == *" $free "* ]] || answers "$free" || break
    done
    taken+="$free "
}

names=(mosquitto rabbitmq kafka ferretdb mongo-java versitygw toxiproxy)
declare -A pid port
mkdir -p "$work"/versitygw/data/{frames,faces} # buckets
for name in "${names[@]}"; do
    free_port; port[$name]=$free
    free_port
    "$here/leash.sh" "$work/$name" "$here/$name.sh" "$work/$name" "${port[$name]}" "$free" \
        <"$work/leash" 3>&- >"$work/$name.log" 2>&1 &
    pid[$name]=$!
done

# 0: it is ready. 1: it is not installed.
ready() {
    until answers "${port[$1]}"; do
        kill -0 "${pid[$1]}" 2>/dev/null && sleep 0.1 && continue
        cat "$work/$1.log" >&2
        local code=0
        wait "${pid[$1]}" || code=$?
        [ "$code" = 69 ] || exit 1
        return 1
    done
}
shared=()
share() {
    export "$@"
    shared+=("$@")
}
row() { printf '%-11s %-27s %s\n' "$@"; }
row server address "how to look at it"
for name in "${names[@]}"; do
    ready "$name" || continue
    at=127.0.0.1:${port[$name]}
    case $name in
        mosquitto)
            share VIGIE_MQTT="mqtt://$at"
            row "$name" "mqtt://$at" "mosquitto_sub -p ${port[$name]} -t '#' -F '%t %l'" ;;
        rabbitmq)
            share VIGIE_RABBITMQ="mqtt://$at"
            row "$name" "mqtt://$at" "mosquitto_sub -p ${port[$name]} -t '#' -F '%t %l'" ;;
        kafka)
            share VIGIE_KAFKA="$at"
            row "$name" "$at" "kcat -b $at -L" ;;
        ferretdb)
            share VIGIE_MONGODB="mongodb://$at"
            row "$name" "mongodb://$at" "mongosh mongodb://$at" ;;
        mongo-java)
            row "$name" "mongodb://$at" "mongosh mongodb://$at" ;;
        versitygw)
            # AWS_ENDPOINT_URL is for the clients of AWS, the others for Vigie.
            share VIGIE_S3="http://$at" AWS_ENDPOINT="http://$at" AWS_ENDPOINT_URL="http://$at" AWS_ALLOW_HTTP=true \
                AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=testsecret
            row "$name" "http://$at" "aws s3 ls; buckets: frames, faces" ;;
        toxiproxy)
            share VIGIE_TOXIPROXY="http://$at"
            row "$name" "http://$at" "curl http://$at/proxies" ;;
    esac
done

if [ $# -gt 0 ]; then
    "$@" <&0 3>&- &
    wait $!
else
    printf '\n'
    printf 'export %s\n' "${shared[@]}"
    printf '\nWhat they say and keep is in %s until ^C.\n' "$work"
    wait
fi
