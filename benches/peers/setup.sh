#!/usr/bin/env bash
# Sets up what people would pick instead, each once: setup.sh [NAME…]
# What this machine cannot have is said in a sentence and left out: the benches say so and go on without it.
. "$(dirname "$0")/common.sh"
. "$here/../../tests/servers/recipes.sh"
[ $# -gt 0 ] || set -- plain bytewax pathway spark

# The recipes: each makes one peer, with Python packages of its own.
plain() { venv plain; }
bytewax() { venv bytewax; }
pathway() { venv pathway; }
spark() { venv spark && jars spark; }

venv() {
    "$python" -m venv . &&
        bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check -r "$here/versions/$1.txt"
}
jars() {
    mvn -q -B -f "$here/versions/$1.pom.xml" dependency:copy-dependencies -DoutputDirectory="$PWD/jars"
}
# What all share is a part of each.
recipe() {
    declare -f "$1" venv && cat "$here/versions/vision.txt" "$here/versions/$1".*
}

missing() {
    echo "$1 is not set up: $2. The benches leave it out." >&2
}
# Not every peer is there for a newer Python, nor ONNX Runtime for an older one.
find_python() {
    for python in python3 python3.12 python3.11; do
        "$python" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && return
    done
    false
}

for name; do
    case $name in
        plain | bytewax | pathway) ;;
        spark) has_java || apt default-jre-headless maven || true ;;
        *)
            echo "no peer is named $name" >&2
            exit 2 ;;
    esac
    is_made "$name" && continue
    find_python || apt python3-venv || true
    if ! find_python; then
        missing "$name" "it needs Python 3.11 or 3.12 with venv"
    elif [ "$name" = spark ] && ! has_java; then
        missing "$name" "it needs java (17 or later) and Maven"
    else
        make_it "$name"
    fi
done
