"""Graphs that describe pictures, with made weights, and what an independent decoder reads from them.

Run in this folder with numpy, onnx and onnxruntime: it writes small ONNX files and describe.json. Pictures are of one
colour, so that no resizer stands between the two decoders: each graph looks at the mean of its input.
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper, numpy_helper

SIDE = 16
COLOURS = [(200, 100, 50), (10, 240, 30), (0, 0, 0), (90, 90, 250), (255, 255, 254)]
RNG = np.random.default_rng(21)


class Graph:
    """A graph of one picture input; `node` adds to it, `save` writes it and says how to run it."""

    def __init__(self, name, batch="N", nhwc=False, u8=False):
        self.name, self.nhwc, self.u8, self.batch = name, nhwc, u8, batch
        self.nodes, self.weights, self.outputs = [], [], []
        shape = [batch, SIDE, SIDE, 3] if nhwc else [batch, 3, SIDE, SIDE]
        self.input = helper.make_tensor_value_info("images", T.UINT8 if u8 else T.FLOAT, shape)
        source = self.node("Cast", ["images"], to=T.FLOAT) if u8 else "images"
        self.mean = self.node("ReduceMean", [source], axes=[1, 2] if nhwc else [2, 3], keepdims=0)

    def node(self, kind, inputs, output=None, **attributes):
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def linear(self, count, scale=1.0):
        """`count` numbers of the mean colour."""
        moved = self.node("MatMul", [self.mean, self.weight(RNG.normal(0, scale, (3, count)))])
        return self.node("Add", [moved, self.weight(RNG.normal(0, 0.3, count))])

    def output(self, value, name, *shape):
        self.node("Identity", [value], name)
        self.outputs.append(helper.make_tensor_value_info(name, T.FLOAT, [self.batch, *shape]))

    def save(self, **facts):
        graph = helper.make_graph(self.nodes, self.name, [self.input], self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="made")
        helper.set_model_props(model, facts)
        onnx.checker.check_model(model)
        onnx.save(model, f"{self.name}.onnx")
        return onnxruntime.InferenceSession(f"{self.name}.onnx")

    def run(self, session, colour, scale):
        image = np.full((SIDE, SIDE, 3), colour, np.float32) * np.float32(scale)
        image = image if self.nhwc else image.transpose(2, 0, 1)
        count = self.batch if isinstance(self.batch, int) else 1
        images = np.repeat(image[None].astype(np.uint8 if self.u8 else np.float32), count, 0)
        return [output[0].astype(np.float64) for output in session.run(None, {"images": images})]


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def one(name, labels, odds, top=1):
    order = np.argsort(-odds)
    said = {name: labels[order[0]], f"{name}_score": float(odds[order[0]])}
    if top > 1:
        said[f"{name}_top"] = [{"label": labels[i], "score": float(odds[i])} for i in order[:top]]
    return said


def row(graph, keys, said):
    return {"model": f"{graph.name}.onnx", "keys": keys, "said": said}


def logits():
    """Classes whose names stand in the metadata, and that need a softmax; batches of any size."""
    g = Graph("describe_logits")
    g.output(g.linear(4, 4.0), "output", 4)
    session = g.save(names="{0: 'oak', 1: 'elm', 2: 'ash', 3: 'yew'}")
    out = [softmax(g.run(session, c, 1 / 255)[0]) for c in COLOURS]
    keys = "input = { scale = 0.00392156862745098 }\ntop = 2"
    return row(g, keys, [one("mood", ["oak", "elm", "ash", "yew"], o, 2) for o in out])


def heads():
    """Each thing that an output may be, at once: a map that is left out too."""
    g = Graph("describe_heads")
    g.output(g.linear(1, 9.0), "years", 1)
    g.output(g.linear(3, 4.0), "hair/colour:0", 3)
    g.output(g.node("Sigmoid", [g.linear(4, 4.0)]), "wears", 4)
    g.output(g.linear(8), "face", 8)
    g.output(g.linear(2), "point", 2)
    corners = g.node("Unsqueeze", [g.node("Unsqueeze", [g.mean, axes(g, 2)]), axes(g, 3)])
    g.output(g.node("Concat", [corners, corners], axis=2), "map", 3, 2, 1)
    session = g.save()
    said = []
    for colour in COLOURS:
        years, hair, wears, face, point, _ = g.run(session, colour, 1 / 255)
        tags = sorted(((s, t) for s, t in zip(wears, ["hat", "bag", "tie", "scarf"]) if s >= 0.4), reverse=True)
        said.append(
            {
                "who_years": float(years[0]),
                **one("who_hair_colour_0", ["black", "brown", "red"], softmax(hair)),
                "who_wears": [t for _, t in tags],
                "who_wears_scores": {t: float(s) for s, t in tags},
                "who_face": [float(v) for v in face / np.linalg.norm(face)],
                "who_point": [float(v) for v in point],
            }
        )
    keys = """as = "who"
threshold = 0.4
input = { scale = 0.00392156862745098 }
[step.mood.outputs]
"hair/colour:0" = ["black", "brown", "red"]
wears = { any = ["hat", "bag", "tie", "scarf"] }
face = "unit"
point = "numbers"
map = "none"
"""
    # A class under the threshold is none.
    for s in said:
        if s["who_hair_colour_0_score"] < 0.4:
            s["who_hair_colour_0"] = None
    return row(g, keys, said)


def axes(graph, axis):
    """An axis as a node takes it."""
    name = f"a{len(graph.weights)}"
    graph.weights.append(numpy_helper.from_array(np.array([axis], np.int64), name))
    return name


def bytes_in_twos():
    """Bytes, colours side by side, two pictures at once, odds that add up to one."""
    g = Graph("describe_bytes", batch=2, nhwc=True, u8=True)
    g.output(g.node("Softmax", [g.linear(2, 0.02)], axis=1), "odds", 2)
    session = g.save()
    out = [g.run(session, c, 1)[0] for c in COLOURS]
    return row(g, 'labels = ["off", "on"]', [one("mood", ["off", "on"], o) for o in out])


def broken():
    """Graphs that nothing may be described with, and one that fails on red pictures alone."""
    g = Graph("describe_nan")
    g.output(g.node("Sqrt", [g.node("Sub", [g.mean, g.weight([1e6] * 3)])]), "output", 3)
    g.save()
    g = Graph("describe_same")
    g.output(g.node("Mul", [g.mean, g.weight([0.0] * 3)]), "output", 3)
    g.save()
    g = Graph("describe_but_red")
    redness = g.node("MatMul", [g.mean, g.weight([[-1.0], [1.0], [0.0]])])
    g.output(g.node("Sqrt", [g.node("Add", [redness, g.weight([200.0])])]), "depth", 1)
    g.save()


rows = [logits(), heads(), bytes_in_twos()]
broken()
with open("describe.json", "w") as file:
    lines = ",\n".join(json.dumps(row) for row in rows)
    file.write(f'{{"colours": {json.dumps(COLOURS)}, "models": [\n{lines}\n]}}\n')
