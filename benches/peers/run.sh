#!/usr/bin/env bash
# Runs a peer until SIGTERM: run.sh NAME. README.md says who they are, and what each is told by its environment.
# All of its processes are of the caller's session.
. "$(dirname "$0")/common.sh"
name=${1:?the name of a peer: README.md has them}
peer=${name%%-*}
bin=$cache/$peer/bin
[ -e "$cache/$peer/stamp" ] || { echo "$peer is not set up: benches/peers/setup.sh $peer says why" >&2; exit 69; }

[ -z "${BENCH_STATE:-}" ] || mkdir -p "$BENCH_STATE"

# One thread a worker: no library takes more behind its back. PYTHONPATH is also how Spark's own processes find work.py.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONPATH=$here PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# both COMMAND…: two processes, COMMAND 0 and COMMAND 1, that end together.
both() {
    trap 'kill $(jobs -rp) 2>/dev/null; wait' EXIT
    trap 'exit 143' TERM INT
    for each in 0 1; do
        "$@" "$each" &
    done
    wait -n
}
# A port of this machine that nobody has, and the one after it.
two_ports() {
    "$bin/python" -c 'import random, socket
while True:
    port = random.randrange(20000, 32000)
    try:
        [socket.create_server(("127.0.0.1", port + each)).close() for each in (0, 1)]
        break
    except OSError:
        pass
print(port)'
}

# Bytewax keeps how far it is in a folder that has to be made first. A second is what it does again after a kill, at most.
bytewax() {
    local kept=()
    if [ -n "${BENCH_STATE:-}" ]; then
        kept=(--recovery-directory "$BENCH_STATE" --snapshot-interval 1 --backup-interval 0)
    fi
    exec "$bin/python" -m bytewax.run on_bytewax:flow "${kept[@]}" "$@"
}
bytewax_state() {
    [ -z "${BENCH_STATE:-}" ] || [ -e "$BENCH_STATE/part-0.sqlite3" ] ||
        "$bin/python" -m bytewax.recovery "$BENCH_STATE" 2
}
# What `pathway spawn` does, less its own process, which would count, and whose children outlive a SIGTERM.
pathway() {
    export PATHWAY_THREADS=$1 PATHWAY_PROCESSES=$2 PATHWAY_PROCESS_ID=$3
    exec "$bin/python" "$here/on_pathway.py"
}
spark() {
    export PYSPARK_PYTHON=$bin/python SPARK_LOCAL_IP=127.0.0.1
    exec "$bin/python" "$here/on_spark.py" "$1" "$cache"/spark/jars/*.jar
}

case $name in
    plain) both "$bin/python" "$here/plain.py" ;;
    bytewax)
        bytewax_state
        bytewax --workers-per-process 2 ;;
    bytewax-2p)
        bytewax_state
        port=$(two_ports)
        both bytewax --addresses "127.0.0.1:$port;127.0.0.1:$((port + 1))" --process-id ;;
    pathway) pathway 2 1 0 ;;
    pathway-2p)
        PATHWAY_FIRST_PORT=$(two_ports) PATHWAY_RUN_ID=$$ PATHWAY_START_TIMESTAMP_MS=$(date +%s%3N)
        export PATHWAY_FIRST_PORT PATHWAY_RUN_ID PATHWAY_START_TIMESTAMP_MS
        both pathway 1 2 ;;
    spark) spark 0 ;;
    spark-400) spark 400 ;;
    *)
        echo "no peer is named $name" >&2
        exit 2 ;;
esac
