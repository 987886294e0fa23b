"""Graphs of the families' layouts with made weights, and what an independent decoder reads from them.

Run in this folder with numpy, onnx and onnxruntime: it writes one small ONNX file a family and families.json. The
picture is of one colour, so that no resizer stands between the two decoders: what goes in is known exactly. Each graph
takes the mean of its input into its scores, so that colours, scale and padding count too.
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper, numpy_helper

SIDE, CLASSES = 64, 3
WIDTH, HEIGHT, COLOUR = 96, 64, (200, 100, 50)
WEIGHTS = np.array([0.5, 0.3, 0.2], np.float32)
THRESHOLD = 0.55
SALT = 0
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


class Unlucky(Exception):
    """A score at the threshold itself, or nothing above it: other weights are taken."""


def form(colours="rgb", fit="corner", mean=(0, 0, 0), std=(1, 1, 1), scale=1.0, pad=0, nhwc=False, u8=False):
    return dict(colours=colours, fit=fit, mean=mean, std=std, scale=scale, pad=pad, nhwc=nhwc, u8=u8)


ULTRALYTICS = form(fit="centre", scale=1 / 255, pad=114)


def place(f):
    """Scale and offset of the picture in the input, and its size there."""
    if f["fit"] == "stretch":
        return (SIDE / WIDTH, SIDE / HEIGHT), (0, 0), (SIDE, SIDE)
    r = min(SIDE / WIDTH, SIDE / HEIGHT)
    whole = round if f["fit"] == "centre" else int
    w, h = whole(WIDTH * r), whole(HEIGHT * r)
    off = ((SIDE - w) // 2, (SIDE - h) // 2) if f["fit"] == "centre" else (0, 0)
    return (r, r), off, (w, h)


def network_input(f):
    _, (left, top), (w, h) = place(f)
    image = np.full((SIDE, SIDE, 3), f["pad"], np.float32)
    image[top : top + h, left : left + w] = COLOUR if f["colours"] == "rgb" else COLOUR[::-1]
    image = (image * f["scale"] - np.float32(f["mean"])) / np.float32(f["std"])
    image = image if f["nhwc"] else image.transpose(2, 0, 1)
    return image[None].astype(np.uint8 if f["u8"] else np.float32)


class Graph:
    """A graph whose outputs are constants, some of them moved by the mean of the input."""

    def __init__(self, name, f, others=()):
        self.name, self.f, self.nodes, self.weights, self.outputs = name, f, [], [], []
        self.rng = np.random.default_rng(1000 * SALT + sum(map(ord, name)))
        shape = [1, SIDE, SIDE, 3] if f["nhwc"] else [1, 3, SIDE, SIDE]
        self.inputs = [helper.make_tensor_value_info("images", T.UINT8 if f["u8"] else T.FLOAT, shape), *others]
        source = "images"
        if f["u8"]:
            self.node("Cast", [source], "floats", to=T.FLOAT)
            source = "floats"
        axes = [1, 2] if f["nhwc"] else [2, 3]
        self.node("ReduceMean", [source], "means", axes=axes, keepdims=0)
        # No mean of any colour moves a score by more than 0.05.
        most = np.abs(network_input(f).astype(np.float32)).max()
        self.node("MatMul", ["means", self.weight((WEIGHTS * 0.05 / most)[:, None])], "mean")

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def output(self, name, values, moved=None, shape=None):
        """`values` without the batch; `moved` says which of them the mean moves, and broadcasts."""
        values = np.asarray(values)
        kind = {"f": T.FLOAT, "i": T.INT64 if values.dtype == np.int64 else T.INT32}[values.dtype.kind]
        constant = self.weight(values[None] if shape is None else values)
        if moved is None:
            self.node("Identity", [constant], name)
        else:
            rank = values.ndim + (shape is None)
            one = self.node("Reshape", ["mean", self.weight(np.array([1] * rank, np.int64))], f"mean_{name}")
            by = self.node("Mul", [one, self.weight(np.asarray(moved, np.float32))], f"by_{name}")
            self.node("Add", [constant, by], name)
        shape = [1, *values.shape] if shape is None else shape
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def open_output(self, name, values, axis):
        """Constants whose number of rows nobody can tell before a run."""
        values = np.asarray(values, np.float32)
        none = self.node("Mul", ["mean", self.weight(np.float32([[0]]))], "none")
        count = self.node("Add", [none, self.weight(np.float32([[values.shape[axis]]]))], "count")
        count = self.node("Cast", [self.node("Reshape", [count, self.weight(np.int64([1]))], "one")], "end", to=T.INT64)
        start, axes = self.weight(np.int64([0])), self.weight(np.int64([axis]))
        self.node("Slice", [self.weight(values), start, count, axes], name)
        shape = ["rows" if at == axis else size for at, size in enumerate(values.shape)]
        self.outputs.append(helper.make_tensor_value_info(name, T.FLOAT, shape))

    def boxes(self, count, relative=False):
        """Middles and sizes in the input."""
        middle, size = self.rng.uniform(10, 54, (count, 2)), self.rng.uniform(6, 18, (count, 2))
        return (np.concatenate([middle, size], 1) / (SIDE if relative else 1)).astype(np.float32)

    def scores(self, *shape):
        return (self.rng.uniform(0, 0.93, shape) ** 3 + 0.01).astype(np.float32)

    def normal(self, *shape):
        return self.rng.normal(0, 0.5, shape).astype(np.float32)

    def save(self, **facts):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="made")
        helper.set_model_props(model, facts)
        onnx.checker.check_model(model)
        onnx.save(model, f"{self.name}.onnx")
        session = onnxruntime.InferenceSession(f"{self.name}.onnx")
        feed = {"images": network_input(self.f)}
        if any(i.name == "orig_target_sizes" for i in session.get_inputs()):
            feed["orig_target_sizes"] = np.array([[SIDE, SIDE]], np.int64)
        return [o if o.shape[:1] != (1,) else o[0] for o in session.run(None, feed)]


def corners(boxes):
    boxes = np.asarray(boxes, np.float64)
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def grid(strides):
    cells = [(x, y, s) for s in strides for y in range(-(-SIDE // s)) for x in range(-(-SIDE // s))]
    return np.array(cells, np.float64)


def found(f, boxes, scores, classes, points=None):
    """Boxes of the input as what is expected in the picture."""
    (sx, sy), (ox, oy), _ = place(f)
    rows = []
    for at, (box, score, klass) in enumerate(zip(boxes, scores, classes)):
        if not score >= THRESHOLD:
            continue
        if abs(score - THRESHOLD) < 0.002:
            raise Unlucky
        box = (np.asarray(box, np.float64) - [ox, oy, ox, oy]) / [sx, sy, sx, sy]
        box = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        row = dict(cls=int(klass), score=round(float(score), 5), box=[round(float(v), 3) for v in box])
        if points is not None:
            there = (np.asarray(points[at]) - [ox, oy]) / [sx, sy]
            row["landmarks"] = [round(float(v), 3) for v in there.flatten()]
        rows.append(row)
    if not rows:
        raise Unlucky
    return rows


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def best(scores):
    return scores.max(-1), scores.argmax(-1)


NAMES = dict(names="{0: 'a', 1: 'b', 2: 'c'}")


def rows_model(name, f, count, **facts):
    g = Graph(name, f)
    values = np.concatenate([g.boxes(count), g.scores(count, 1) ** 0.3, g.scores(count, CLASSES)], 1)
    g.output("output", values, [0] * 4 + [0] + [1] * CLASSES)
    (out,) = g.save(**facts)
    score, klass = best(out[:, 5:])
    return found(f, corners(out[:, :4]), out[:, 4] * score, klass)


def yolox_decoded():
    return rows_model("yolox_decoded", form("bgr", pad=114), 84)


def yolox_raw():
    f = form("bgr", pad=114)
    g, cells = Graph("yolox_raw", f), grid([8, 16, 32])
    values = np.concatenate([g.normal(84, 4), g.scores(84, 1) ** 0.3, g.scores(84, CLASSES)], 1)
    g.output("output", values, [0] * 5 + [1] * CLASSES)
    (out,) = g.save()
    middle, size = (out[:, :2] + cells[:, :2]) * cells[:, 2:], np.exp(out[:, 2:4]) * cells[:, 2:]
    score, klass = best(out[:, 5:])
    return found(f, corners(np.concatenate([middle, size], 1)), out[:, 4] * score, klass)


def yolov5():
    return rows_model("yolov5", ULTRALYTICS, 252)


def yolov8(name="yolov8", f=ULTRALYTICS):
    g = Graph(name, f)
    values = np.concatenate([g.boxes(84), g.scores(84, CLASSES)], 1).T
    g.output("output0", values, np.array([0] * 4 + [1] * CLASSES)[:, None])
    (out,) = g.save(task="detect", **NAMES)
    score, klass = best(out[4:].T)
    return found(f, corners(out[:4].T), score, klass)


def yolov8_nhwc():
    return yolov8("yolov8_nhwc", {**ULTRALYTICS, "nhwc": True})


def end_to_end():
    g = Graph("end_to_end", ULTRALYTICS)
    values = np.zeros((300, 6), np.float32)
    values[:20, :4], values[:20, 4] = corners(g.boxes(20)), g.scores(20) ** 0.4
    values[:20, 5] = g.rng.integers(0, CLASSES, 20)
    moved = np.zeros((300, 6))
    moved[:20, 4] = 1
    g.output("output0", values, moved)
    (out,) = g.save(task="detect", **NAMES)
    return found(g.f, out[:, :4], out[:, 4], out[:, 5])


def yolov7_end2end():
    g = Graph("yolov7_end2end", ULTRALYTICS)
    values = np.zeros((12, 7), np.float32)
    values[:, 1:5], values[:, 5], values[:, 6] = corners(g.boxes(12)), g.rng.integers(0, CLASSES, 12), g.scores(12) ** 0.4
    g.open_output("output", values, 0)
    (out,) = g.save(**NAMES)
    return found(g.f, out[:, 1:5], out[:, 6], out[:, 5])


def efficient_nms():
    g = Graph("efficient_nms", ULTRALYTICS)
    g.output("num_dets", np.array([9], np.int32))
    g.output("det_boxes", corners(g.boxes(20)).astype(np.float32))
    g.output("det_scores", g.scores(20) ** 0.3, [1] * 20)
    g.output("det_classes", g.rng.integers(0, CLASSES, 20).astype(np.int32))
    count, boxes, scores, classes = g.save(**NAMES)
    n = int(count[0])
    return found(g.f, boxes[:n], scores[:n], classes[:n])


def mmdeploy():
    f = form(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
    g = Graph("mmdeploy", f)
    values = np.concatenate([corners(g.boxes(20)).astype(np.float32), g.scores(20, 1) ** 0.3], 1)
    g.output("dets", values, [0] * 4 + [1])
    g.output("labels", g.rng.integers(0, CLASSES, 20))
    dets, labels = g.save(**NAMES)
    return found(f, dets[:, :4], dets[:, 4], labels)


def ssd():
    f = form(fit="stretch", mean=[127] * 3, std=[128] * 3)
    g = Graph("ssd", f)
    g.output("scores", g.scores(50, 1 + CLASSES), [0] + [1] * CLASSES)
    g.output("boxes", corners(g.boxes(50, relative=True)).astype(np.float32))
    scores, boxes = g.save()
    score, klass = best(scores[:, 1:])
    return found(f, boxes * SIDE, score, klass)


def ssd_tensorflow():
    f = form(fit="stretch", nhwc=True, u8=True)
    g = Graph("ssd_tensorflow", f)
    g.output("detection_boxes", corners(g.boxes(20, relative=True))[:, [1, 0, 3, 2]].astype(np.float32))
    g.output("detection_classes", g.rng.integers(1, 91, 20).astype(np.float32))
    g.output("detection_scores", g.scores(20) ** 0.3, [1] * 20)
    g.output("num_detections", np.float32(11).reshape(()), shape=[1])
    boxes, classes, scores, _ = g.save()
    return found(f, boxes[:11, [1, 0, 3, 2]] * SIDE, scores[:11], classes[:11] - 1)


def distances(odds):
    return (softmax(odds.reshape(-1, 4, 8).astype(np.float64)) * np.arange(8)).sum(-1)


def gfl(f, cells, scores, odds, half):
    middle = (cells[:, :2] + half) * cells[:, 2:]
    sides = distances(odds) * cells[:, 2:]
    score, klass = best(scores)
    return found(f, np.concatenate([middle - sides[:, :2], middle + sides[:, 2:]], 1), score, klass)


def picodet():
    f = form(fit="stretch", mean=IMAGENET[0], std=IMAGENET[1], scale=1 / 255)
    g, cells = Graph("picodet", f), grid([8, 16, 32, 64])
    for at, count in enumerate([64, 16, 4, 1]):
        g.output(f"cls_{at}", g.scores(count, CLASSES), [1] * CLASSES)
    for at, count in enumerate([64, 16, 4, 1]):
        g.output(f"dis_{at}", g.normal(count, 32))
    out = [o.reshape(-1, o.shape[-1]) for o in g.save()]
    return gfl(f, cells, np.concatenate(out[:4]), np.concatenate(out[4:]), 0.5)


def nanodet_plus():
    f = form("bgr", fit="stretch", mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395])
    g, cells = Graph("nanodet_plus", f), grid([8, 16, 32, 64])
    g.output("output", np.concatenate([g.scores(85, CLASSES), g.normal(85, 32)], 1), [1] * CLASSES + [0] * 32)
    (out,) = g.save()
    return gfl(f, cells, out[:, :CLASSES], out[:, CLASSES:], 0.0)


def retinaface():
    f = form("bgr", mean=[104, 117, 123])
    g = Graph("retinaface", f)
    g.output("loc", g.normal(168, 4))
    g.output("conf", g.scores(168, 2), [0, 1])
    g.output("landms", g.normal(168, 10))
    loc, conf, landms = g.save()
    sides = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
    priors = np.array([((x + 0.5) * s, (y + 0.5) * s, k, k) for x, y, s in grid([8, 16, 32]) for k in sides[int(s)]])
    middle = priors[:, :2] + loc[:, :2] * 0.1 * priors[:, 2:]
    size = priors[:, 2:] * np.exp(loc[:, 2:] * 0.2)
    points = priors[:, None, :2] + landms.reshape(-1, 5, 2) * 0.1 * priors[:, None, 2:]
    return found(f, corners(np.concatenate([middle, size], 1)), conf[:, 1], [0] * 168, points)


def scrfd():
    f = form(mean=[127.5] * 3, std=[128] * 3)
    g = Graph("scrfd", f)
    counts = {8: 128, 16: 32, 32: 8}
    for s, n in counts.items():
        g.output(f"score_{s}", g.scores(n, 1), [1], shape=[n, 1])
    for s, n in counts.items():
        g.output(f"bbox_{s}", np.abs(g.normal(n, 4)) + np.float32(0.3), shape=[n, 4])
    for s, n in counts.items():
        g.output(f"kps_{s}", g.normal(n, 10), shape=[n, 10])
    out = g.save()
    scores, sides, points = (np.concatenate(out[at : at + 3]) for at in (0, 3, 6))
    cells = np.repeat(grid([8, 16, 32]), 2, axis=0)
    middle, stride = cells[:, :2] * cells[:, 2:], cells[:, 2:]
    boxes = np.concatenate([middle - sides[:, :2] * stride, middle + sides[:, 2:] * stride], 1)
    points = middle[:, None] + points.reshape(-1, 5, 2) * stride[:, None]
    return found(f, boxes, scores[:, 0], [0] * 168, points)


DETR = form(fit="stretch", scale=1 / 255)


def rtdetr():
    sizes = helper.make_tensor_value_info("orig_target_sizes", T.INT64, [1, 2])
    g = Graph("rtdetr", DETR, [sizes])
    g.output("labels", g.rng.integers(0, CLASSES, 30))
    relative = g.weight(corners(g.boxes(30, relative=True)).astype(np.float32)[None])
    g.node("Cast", ["orig_target_sizes"], "sizes", to=T.FLOAT)
    g.node("Concat", ["sizes", "sizes"], "sizes4", axis=1)
    g.node("Reshape", ["sizes4", g.weight(np.array([1, 1, 4], np.int64))], "sizes_each")
    g.node("Mul", [relative, "sizes_each"], "boxes")
    g.outputs.append(helper.make_tensor_value_info("boxes", T.FLOAT, [1, 30, 4]))
    g.output("scores", g.scores(30) ** 0.4, [1] * 30)
    labels, boxes, scores = g.save(**NAMES)
    return found(DETR, boxes, scores, labels)


def rtdetr_huggingface():
    g = Graph("rtdetr_huggingface", DETR)
    g.output("logits", g.normal(30, CLASSES) * np.float32(3), [1] * CLASSES)
    g.output("pred_boxes", g.boxes(30, relative=True))
    logits, boxes = g.save()
    score, klass = best(1 / (1 + np.exp(-logits)))
    return found(DETR, corners(boxes * SIDE), score, klass)


def rtdetr_ultralytics():
    g = Graph("rtdetr_ultralytics", DETR)
    g.output("output0", np.concatenate([g.boxes(300, relative=True), g.scores(300, CLASSES)], 1), [0] * 4 + [1] * CLASSES)
    (out,) = g.save(task="detect", **NAMES)
    score, klass = best(out[:, 4:])
    return found(DETR, corners(out[:, :4] * SIDE), score, klass)


def centernet():
    f = form("bgr", fit="centre", mean=[0.408, 0.447, 0.470], std=[0.289, 0.274, 0.278], scale=1 / 255)
    g = Graph("centernet", f)
    g.output("hm", g.scores(CLASSES, 16, 16), np.ones((1, 1, 1)))
    g.output("wh", np.abs(g.normal(2, 16, 16)) * 4 + np.float32(1))
    g.output("reg", g.scores(2, 16, 16))
    hm, wh, reg = g.save()
    padded = np.pad(hm, ((0, 0), (1, 1), (1, 1)), constant_values=-1)
    around = np.max([padded[:, y : y + 16, x : x + 16] for y in range(3) for x in range(3)], axis=0)
    klass, y, x = np.nonzero(hm == around)
    middle = np.stack([x + reg[0, y, x], y + reg[1, y, x]], 1)
    boxes = corners(np.concatenate([middle, np.stack([wh[0, y, x], wh[1, y, x]], 1)], 1)) * 4
    return found(f, boxes, hm[klass, y, x], klass)


def broken():
    """Graphs that no detector may be made of, and one that may be of two families."""

    def columns(name, change):
        g = Graph(name, ULTRALYTICS)
        values = np.concatenate([g.boxes(84), g.scores(84, CLASSES)], 1).T
        change(values)
        g.output("output0", values, np.array([0] * 4 + [1] * CLASSES)[:, None])
        g.save()

    def put(slice_, value):
        def change(values):
            values[slice_] = value

        return change

    columns("broken_nan", put((0, 7), np.nan))
    columns("broken_same", put(slice(0, 4), 20.0))
    columns("broken_outside", put(1, 500.0))
    columns("broken_logits", put(slice(4, 7), -3.0))
    g = Graph("ambiguous", ULTRALYTICS)
    values = np.concatenate([g.boxes(84), g.scores(84, 1), g.scores(84, CLASSES)], 1)
    g.open_output("output", values[None], 1)
    g.save()


FAMILIES = [
    ("yolox", yolox_raw), ("yolox_decoded", yolox_decoded), ("yolov5", yolov5), ("yolov8", yolov8),
    ("yolov8", yolov8_nhwc), ("end_to_end", end_to_end), ("end_to_end", yolov7_end2end), ("graph_nms", efficient_nms),
    ("graph_nms", mmdeploy), ("ssd", ssd), ("ssd", ssd_tensorflow), ("nanodet_plus", nanodet_plus),
    ("picodet", picodet), ("retinaface", retinaface), ("scrfd", scrfd), ("rtdetr", rtdetr),
    ("rtdetr", rtdetr_huggingface), ("rtdetr", rtdetr_ultralytics), ("centernet", centernet),
]

def made(make):
    global SALT
    for SALT in range(20):
        try:
            return make()
        except Unlucky:
            pass
    raise SystemExit(f"no luck with {make.__name__}")


if __name__ == "__main__":
    onnxruntime.set_default_logger_severity(3)
    models = [dict(model=f"{make.__name__}.onnx", family=family, found=made(make)) for family, make in FAMILIES]
    broken()
    picture = dict(width=WIDTH, height=HEIGHT, colour=COLOUR)
    head = json.dumps(dict(picture=picture, threshold=THRESHOLD))[:-1]
    rows = ",\n".join(json.dumps(model) for model in models)
    open("families.json", "w").write(f'{head}, "models": [\n{rows}\n]}}\n')
