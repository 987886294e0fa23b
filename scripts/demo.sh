#!/usr/bin/env bash
# The main job at work: a broker, four rendered cameras, two worker processes. ^C stops all of it.
# usage: demo.sh VIGIE [SECONDS]
set -eu
vigie=$1
seconds=${2:-0}
work=$(mktemp -d)
started=()
stop() {
    trap - EXIT INT TERM
    # The workers first: they finish and acknowledge what is in flight while the broker is still there.
    for pid in "${started[@]:1:2}"; do kill -INT "$pid" 2>/dev/null || true; done
    for pid in "${started[@]:1:2}"; do wait "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
    pictures=$(find out -name '*.jpg' -newer "$mark" 2>/dev/null | wc -l)
    rm -f "$mark"
    echo "$pictures new pictures with boxes are in out/, the frames that led to none in dead/."
}
mark=$(mktemp)
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
    local port
    while port=$((20000 + RANDOM % 20000)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}
broker=$(free_port)
export VIGIE_MQTT=mqtt://localhost:$broker
printf 'processes = ["localhost:%s", "localhost:%s"]\n' "$(free_port)" "$(free_port)" >"$work/cluster.toml"

# ^C reaches this script alone: it then stops the others in order.
run() { setsid "$vigie" "$@" & started+=($!); }
run broker --listen "127.0.0.1:$broker" >"$work/broker.log" 2>&1
until (exec 3<>"/dev/tcp/127.0.0.1/$broker") 2>/dev/null; do
    kill -0 "${started[0]}" || { cat "$work/broker.log" >&2; exit 1; }
    sleep 0.1
done

run run jobs/persons.toml --cluster "$work/cluster.toml" -n 2 -p 1 -w 1 >"$work/worker-1.log" 2>&1
run run jobs/persons.toml --cluster "$work/cluster.toml" -n 2 -p 0 -w 1
run camera --synthetic --cameras 4 --rate 2 --to "$VIGIE_MQTT" >"$work/cameras.log" 2>&1
echo "Four cameras, two workers. Drawn pictures go to out/, reports to cameras/…/persons on $VIGIE_MQTT. ^C ends it."
if [ "$seconds" -gt 0 ]; then
    sleep "$seconds" & wait $!
else
    wait "${started[1]}" "${started[2]}"
fi
