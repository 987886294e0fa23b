"""What every peer does with a frame, and what it is told: by its environment alone (README.md lists it)."""

import json
import os
import threading
import time

BROKER = os.environ["BENCH_BROKER"]
IN = os.environ["BENCH_IN"]
OUT = os.environ["BENCH_OUT"]
PROCESSED = os.environ["BENCH_PROCESSED"]
MODEL = os.environ["BENCH_MODEL"]
GROUP = os.environ["BENCH_GROUP"]
STATE = os.environ.get("BENCH_STATE")

BATCH = 3
"""Frames that go through the model together."""
PATIENCE = 0.1
"""Seconds that a batch waits to be full."""

_thread = threading.local()


def work(key: bytes, jpeg: bytes) -> tuple[bytes, bytes]:
    """The result of a frame as JSON, and the frame as JPEG with what was found drawn on it; empty without a model."""
    camera, number = key.decode().rsplit("/", 1)
    result = {"camera": camera, "number": int(number)}
    drawn = b""
    if MODEL == "null":
        result["bytes"] = len(jpeg)
    else:
        result["boxes"], drawn = _vision()(jpeg)
    result["at"] = time.time_ns()
    return json.dumps(result).encode(), drawn


def messages(key: bytes, jpeg: bytes) -> list[tuple[str, bytes, bytes]]:
    """What is written for a frame: topic, key and value of each message."""
    result, drawn = work(key, jpeg)
    return [(OUT, key, result)] + ([(PROCESSED, key, drawn)] if drawn else [])


def _vision():
    """The model of this thread: OpenCV and ONNX Runtime let go of Python's lock, so that each thread has its own."""
    if not hasattr(_thread, "vision"):
        from vision import Vision  # Only with a model: it takes a quarter of a second and 60 MB.

        _thread.vision = Vision(MODEL)
    return _thread.vision
