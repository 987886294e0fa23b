#!/usr/bin/env bash
# Trains the model of persons on pictures that Vigie draws, and writes it with its card to models/.
# usage: train.sh VIGIE [OPTIONS OF train.py, such as --epochs 0.1 --frames 400 --test-frames 100]
set -eu
vigie=$1
shift
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info < (3, 13))' 2>/dev/null; then
    echo "Training needs Python 3.9 to 3.12 and $python is $("$python" --version 2>&1 | tail -n 1): set PYTHON to one of those." >&2
    exit 2
fi

root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/target/train
venv=$work/venv
wanted=$root/models/train/requirements.txt
export PYTHONDONTWRITEBYTECODE=1

# Its copy of the requirements is the last thing an installation writes: one that was cut short starts again.
if ! cmp -s "$wanted" "$venv/installed.txt"; then
    echo "installing TensorFlow, ONNX Runtime and what they need in $venv (about 1.3 GB, once)"
    rm -rf "$venv"
    mkdir -p "$work"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --no-compile --no-cache-dir --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$venv/installed.txt"
fi

nano=${VIGIE_MODELS:-$root/../shared/models}/detection/yolox_nano_416_kazuhito.onnx
exec "$venv/bin/python" "$root/models/train/train.py" --vigie "$vigie" --work "$work" --out "$root/models" --compare "$nano" "$@"
