#!/usr/bin/env bash
# Where the time of a frame goes: a flame graph of files → YOLOX-nano → boxes → files, in target/profile/lane-b.svg.
# usage: profile.sh VIGIE (a release build) [SECONDS]
set -eu
vigie=$(realpath "$1")
seconds=${2:-20}
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/target/profile
photographs=${VIGIE_IMAGES:-$root/../shared/images}/coco_ccby_train
export VIGIE_MODELS=${VIGIE_MODELS:-$root/../shared/models}
mkdir -p "$out"

command -v perf >/dev/null || "$root/scripts/apt.sh" linux-perf || {
    echo "perf is not on this machine, and not to be installed by this user (Debian: linux-perf)." >&2
    exit 2
}
if ! perf record -q -e cpu-clock -o "$out/trial" true 2>/dev/null; then
    echo "perf may not run here: ask for kernel.perf_event_paranoid = 1 or lower, or for CAP_PERFMON." >&2
    exit 2
fi
command -v python3 >/dev/null || { echo "python3 draws the flame graph, and is not on this machine." >&2; exit 2; }
if ! [ -d "$photographs" ] || ! [ -d "$VIGIE_MODELS" ]; then
    echo "skipped: there are no photographs at $photographs or no models at $VIGIE_MODELS (set VIGIE_IMAGES, VIGIE_MODELS)" >&2
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/few" "$work/many/door"

# The photographs as a camera of 640×480 sends them, over and over.
cat > "$work/lay-out.toml" <<JOB
name = "lay-out"
[source.photographs]
kind = "files"
path = "$photographs/*.jpg"
[step.small]
kind = "resize"
width = 640
height = 480
mode = "exact"
enlarge = true
[step.jpeg]
kind = "convert"
to = "jpeg"
quality = 85
[sink.frames]
kind = "files"
path = "$work/few/{id}.jpg"
write = "image"
JOB
"$vigie" run "$work/lay-out.toml" >/dev/null 2>&1
number=0
while [ "$number" -lt $((seconds * 130)) ]; do
    for picture in "$work"/few/*.jpg; do
        ln "$picture" "$work/many/door/$(printf %06d "$number").jpg"
        number=$((number + 1))
    done
done

cat > "$work/lane-b.toml" <<JOB
name = "lane-b"
[source.frames]
kind = "files"
path = "$work/many/{camera}/*.jpg"
[step.things]
kind = "detect"
model = "yolox_nano_416_kazuhito.onnx"
[step.boxes]
kind = "draw"
[sink.pictures]
kind = "files"
path = "$work/out/{id}.jpg"
write = "image"
JOB
perf record -q -F 499 -e cpu-clock --call-graph dwarf,8192 -o "$out/perf.data" \
    timeout --signal INT "$seconds" "$vigie" run "$work/lane-b.toml" -w 2 >"$out/run.txt" 2>&1 || true
perf script --no-inline -i "$out/perf.data" >"$out/stacks.txt" 2>/dev/null
title="files → YOLOX-nano 416 → boxes → files, 640×480, two workers"
python3 "$root/scripts/flame.py" "$out/stacks.txt" "$out/lane-b.svg" "$title"
rm -f "$out/trial" "$out/perf.data"
tail -n 1 "$out/run.txt"
echo "The flame graph is in $out/lane-b.svg, the stacks it is made of in $out/stacks.txt."
