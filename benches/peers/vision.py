"""YOLOX on a JPEG, with boxes drawn: what Vigie's steps `detect` and `draw` do, on OpenCV and ONNX Runtime.

The sums are those of src/models/yolox.rs, letterbox.rs and nms.rs; `make bench-peers` holds the boxes of all against
each other.
"""

import cv2
import numpy as np
import onnxruntime

THRESHOLD = 0.3
OVERLAP = 0.45
STRIDES = (8, 16, 32)
GREEN = (0, 255, 0)
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 85, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]

cv2.setNumThreads(1)


class Vision:
    """A YOLOX model with its raw head."""

    def __init__(self, path: str):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        picture = self.session.get_inputs()[0]
        self.name, self.size = picture.name, picture.shape[2]
        self.square = np.empty((self.size, self.size, 3), np.uint8)
        self.input = np.empty((1, 3, self.size, self.size), np.float32)
        self.cells, self.strides = _cells(self.size)

    def __call__(self, jpeg: bytes) -> tuple[list[list], bytes]:
        """What is on the picture, [left, top, right, bottom, score, class] each, and the picture with it drawn."""
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        found = self.find(picture)
        if not found:
            return found, jpeg  # As Vigie does: a picture that no step has changed is not encoded again.
        for box in found:
            _draw(picture, box)
        return found, cv2.imencode(".jpg", picture, JPEG)[1].tobytes()

    def find(self, picture: np.ndarray) -> list[list]:
        """Boxes in pixels of the picture (BGR), the surest first."""
        scale = self._letterbox(picture)
        # Twenty times faster than OpenCV's own `blobFromImage`.
        for plane, colour in zip(self.input[0], cv2.split(self.square), strict=True):
            plane[:] = colour
        rows = self.session.run(None, {self.name: self.input})[0][0]
        # No class is surer than its object: most rows end here.
        sure = np.flatnonzero(rows[:, 4] >= THRESHOLD)
        rows, cells, strides = rows[sure], self.cells[sure], self.strides[sure]
        scores = rows[:, 4:5] * rows[:, 5:]
        classes = scores.argmax(1)
        scores = scores[np.arange(len(rows)), classes]
        middles = (rows[:, :2] + cells) * strides
        halves = np.exp(rows[:, 2:4]) * strides / 2
        height, width = picture.shape[:2]
        most = np.array([width, height, width, height], np.float32)
        corners = np.clip(np.hstack([middles - halves, middles + halves]) / scale, 0, most)
        boxes = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
        kept = cv2.dnn.NMSBoxesBatched(boxes, scores, classes, THRESHOLD, OVERLAP) if len(rows) else ()
        found = [[*_rounded(corners[i], 2), *_rounded(scores[i : i + 1], 4), int(classes[i])] for i in kept]
        return sorted(found, key=lambda box: -box[4])

    def _letterbox(self, picture: np.ndarray) -> float:
        """The picture in the top left of the model's square, the rest grey. How much smaller it is there."""
        height, width = picture.shape[:2]
        scale = min(self.size / width, self.size / height)
        right, bottom = int(width * scale), int(height * scale)
        cv2.resize(picture, (right, bottom), self.square[:bottom, :right], interpolation=cv2.INTER_LINEAR)
        self.square[bottom:] = 114
        self.square[:, right:] = 114
        return scale


def _cells(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of each of the model's cells, and its stride."""
    grids = [np.mgrid[: size // stride, : size // stride].reshape(2, -1)[::-1].T for stride in STRIDES]
    strides = [np.full((len(grid), 1), stride) for grid, stride in zip(grids, STRIDES, strict=True)]
    return np.concatenate(grids).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    return [round(value, digits) for value in values.tolist()]


def _draw(picture: np.ndarray, box: list) -> None:
    left, top, right, bottom, score, kind = box
    corner = (int(left), int(top))
    cv2.rectangle(picture, corner, (int(right), int(bottom)), GREEN, 2)
    cv2.putText(picture, f"{kind} {score:.2f}", (corner[0], corner[1] + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, GREEN, 1)
