"""What the exported file finds in frames, and how right that is. ONNX Runtime and numpy only, no TensorFlow model.

A detection is right when it overlaps a counted person that no surer detection has taken, IoU at least 0.5 unless said.
Else it is dropped when it matches a person that counts neither way or lies mostly inside one. Else it is false.
"""

import time

import numpy as np

from data import SIDE, padded
from export import session
from loss import COUNTS, NEITHER
from network import cells

NMS_IOU = 0.45
LEAST_SCORE = 0.01
MOST = 100
MOSTLY = 0.5
RIGHT, DROPPED, FALSE = 1, 0, -1
IOUS = np.arange(0.5, 0.96, 0.05)

# At most one false person in so many frames, at the recommended threshold.
FRAMES_FOR_A_FALSE_ONE = 50


def detect(model, frames, batch=16):
    """For each frame, its detections after suppression, surest first: M x 5, corners in pixels of `frames` and score."""
    run = session(model, threads=2)
    name = run.get_inputs()[0].name
    found = []
    for start in range(0, len(frames), batch):
        output = run.run(None, {name: padded(frames.pictures[start : start + batch])})[0]
        height, width = frames.pictures.shape[1:3]
        found.extend(read(rows, height, width) for rows in output)
    return found


def read(rows, height, width):
    """The detections of one picture from its A x 6 numbers."""
    score = rows[:, 4] * rows[:, 5]
    sure = score >= LEAST_SCORE
    rows, grid, score = rows[sure], cells(SIDE, SIDE)[sure], score[sure]
    centre = (rows[:, :2] + grid[:, :2]) * grid[:, 2:]
    half = np.exp(rows[:, 2:4]) * grid[:, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], 1)
    corners = np.clip(corners, 0, [width, height, width, height])
    order = np.argsort(-score, kind="stable")
    corners, score = corners[order], score[order]
    kept = suppressed(corners)
    return np.concatenate([corners, score[:, None]], 1)[kept][:MOST]


def suppressed(corners):
    """Which boxes (surest first) remain when each removes those it overlaps."""
    iou, kept, gone = overlap(corners, corners)[0], [], np.zeros(len(corners), bool)
    for number in range(len(corners)):
        if not gone[number]:
            kept.append(number)
            gone |= iou[number] > NMS_IOU
    return kept


def overlap(a, b):
    """IoU of every a with every b, and the share of each a that is inside each b."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    both = np.prod(np.maximum(high - low, 0), -1)
    area_a, area_b = np.prod(a[:, 2:4] - a[:, :2], -1), np.prod(b[:, 2:4] - b[:, :2], -1)
    return both / np.maximum(area_a[:, None] + area_b[None] - both, 1e-9), both / np.maximum(area_a[:, None], 1e-9)


def judge(found, boxes, kinds, least=0.5):
    """For each detection of one frame (surest first) RIGHT, DROPPED or FALSE; and which boxes were found."""
    iou, inside = overlap(found, boxes)
    counted, neither = kinds == COUNTS, kinds == NEITHER
    taken = np.zeros(len(boxes), bool)
    verdict = np.full(len(found), FALSE)
    for number in range(len(found)):
        free = np.where(counted & ~taken, iou[number], -1.0)
        best = int(free.argmax()) if len(free) else -1
        if best >= 0 and free[best] >= least:
            taken[best], verdict[number] = True, RIGHT
        elif (neither & ((iou[number] >= least) | (inside[number] > MOSTLY))).any():
            verdict[number] = DROPPED
    return verdict, taken


def curve(found, frames, least):
    """Recall, precision and score along all detections of all frames, surest first."""
    verdicts = [judge(f, b, k, least)[0] for f, b, k in zip(found, frames.boxes, frames.kinds)]
    verdict, score = np.concatenate(verdicts), np.concatenate([f[:, 4] for f in found])
    verdict, score = verdict[verdict != DROPPED], score[verdict != DROPPED]
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(verdict[order] == RIGHT)
    persons = max(1, int((frames.kinds == COUNTS).sum()))
    return right / persons, right / np.arange(1, len(right) + 1), score[order]


def average_precision(recall, precision):
    """The area under the curve, precision made to fall only: at 101 recalls, as COCO does it."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.append(best, 0.0)[np.minimum(place, len(best))].mean())


def counts(found, frames, thresholds):
    """For each threshold: share of frames with the exact number, false persons a frame, share of persons found."""
    exact, false, right = (np.zeros(len(thresholds)) for _ in range(3))
    for detections, boxes, kinds in zip(found, frames.boxes, frames.kinds):
        verdict, _ = judge(detections, boxes, kinds)
        there = detections[None, :, 4] >= thresholds[:, None]
        persons = int((kinds == COUNTS).sum())
        exact += (there & (verdict != DROPPED)).sum(1) == persons
        false += (there & (verdict == FALSE)).sum(1)
        right += (there & (verdict == RIGHT)).sum(1)
    persons = max(1, int((frames.kinds == COUNTS).sum()))
    return exact / len(found), false / len(found), right / persons


def recommend(found, frames):
    """The threshold with most exact counts among those with few enough false persons; with the fewest, if none has."""
    thresholds = np.round(np.arange(0.10, 0.91, 0.01), 2)
    exact, false, _ = counts(found, frames, thresholds)
    fits = false <= 1.0 / FRAMES_FOR_A_FALSE_ONE
    if not fits.any():
        return float(thresholds[false.argmin()])
    return float(thresholds[np.where(fits, exact, -1.0).argmax()])


def figures(found, frames, threshold):
    """What the card says of the frames."""
    precisions = [average_precision(*curve(found, frames, least)[:2]) for least in IOUS]
    exact, false, recall = counts(found, frames, np.array([threshold]))
    return {
        "ap50": round(precisions[0], 4),
        "ap50_95": round(float(np.mean(precisions)), 4),
        "exact_count": round(float(exact[0]), 4),
        "false_per_frame": round(float(false[0]), 4),
        "recall": round(float(recall[0]), 4),
        "threshold": threshold,
        "frames": len(frames),
        "persons": int((frames.kinds == COUNTS).sum()),
    }


def milliseconds(models, rounds=8, runs=15):
    """For each file, the milliseconds a picture on one thread; the files take turns, so that they share what disturbs.

    Each figure is the median over rounds of each round's median; the quotient of two files is the median over rounds too.
    """
    sessions = [session(str(model)) for model in models]
    names = [s.get_inputs()[0].name for s in sessions]
    picture = np.random.default_rng(0).uniform(0, 255, (1, 3, SIDE, SIDE)).astype(np.float32)
    times = np.zeros((rounds, len(models)))
    for number in range(rounds):
        for place, (run, name) in enumerate(zip(sessions, names)):
            run.run(None, {name: picture})
            times[number, place] = np.median([timed(run, {name: picture}) for _ in range(runs)])
    return [float(t) for t in np.median(times, 0)], [float(q) for q in np.median(times / times[:, :1], 0)]


def timed(run, inputs):
    start = time.perf_counter()
    run.run(None, inputs)
    return (time.perf_counter() - start) * 1e3
