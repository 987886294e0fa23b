"""The trained network as an ONNX file, node by node: normalisation and the pixels' factor folded into the convolutions."""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from network import EPSILON, NUMBERS, PIXEL_SCALE, detector

OPSET = 13
IR_VERSION = 8


def folded(values, name):
    """Kernel (out x in x h x w) and bias of a layer, its normalisation within them."""
    kernel = values[f"{name}/kernel"].transpose(3, 2, 0, 1).astype(np.float64)
    if f"{name}/bias" in values:
        bias = values[f"{name}/bias"]
    else:
        factor = values[f"{name}/gamma"] / np.sqrt(values[f"{name}/variance"].astype(np.float64) + EPSILON)
        kernel = kernel * factor[:, None, None, None]
        bias = values[f"{name}/beta"] - values[f"{name}/mean"] * factor
    if name == "stem":
        kernel = kernel * PIXEL_SCALE
    return kernel.astype(np.float32), bias.astype(np.float32)


class Graph:
    """`ops` that write ONNX nodes; a value is its name."""

    def __init__(self, values):
        self.values = values
        self.nodes = []
        self.constants = []
        self.constant("twice", np.array([1, 1, 2, 2], np.float32))

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind, inputs, output=None, **attributes):
        output = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def conv(self, name, x, channels, size, stride=1, add=None, last=False):
        kernel, bias = folded(self.values, name)
        inputs = [x, self.constant(f"{name}.kernel", kernel), self.constant(f"{name}.bias", bias)]
        # As TensorFlow pads an even length: with stride 2 only at the right and at the bottom.
        pads = [0, 0, 1, 1] if stride == 2 else [size // 2] * 4
        y = self.node("Conv", inputs, kernel_shape=[size, size], strides=[stride, stride], pads=pads)
        if last:
            return y
        return self.node("Relu", [y if add is None else self.node("Add", [y, add])])

    def double(self, x):
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.node("Resize", [x, "", "twice"], **how)

    def pool5(self, x):
        return self.node("MaxPool", [x], kernel_shape=[5, 5], strides=[1, 1], pads=[2, 2, 2, 2])

    def concat(self, xs):
        return self.node("Concat", xs, axis=1)

    def finish(self, maps):
        """The maps as one table N x A x 6, object and class through their sigmoid."""
        shape = self.constant("table", np.array([0, NUMBERS, -1], np.int64))
        table = self.node("Concat", [self.node("Reshape", [m, shape]) for m in maps], axis=2)
        self.nodes.append(helper.make_node("Split", [table, self.constant("parts", np.array([4, 2]))], ["box", "scores"], axis=1))
        scores = self.node("Sigmoid", ["scores"])
        self.node("Transpose", [self.node("Concat", ["box", scores], axis=1)], "output", perm=[0, 2, 1])


def model(values, side):
    """The ONNX model of the weights `values` (by name, numpy), for squares of `side` pixels."""
    graph = Graph(values)
    graph.finish(detector(graph, "images"))
    cells = sum((side // stride) ** 2 for stride in (8, 16, 32))
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, side, side])]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", cells, NUMBERS])]
    body = helper.make_graph(graph.nodes, "persons", inputs, outputs, graph.constants)
    made = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="vigie")
    made.ir_version = IR_VERSION
    onnx.checker.check_model(made, full_check=True)
    return made


def weights(made):
    """How many numbers the model has learnt."""
    return sum(int(np.prod(c.dims)) for c in made.graph.initializer if c.data_type == TensorProto.FLOAT and c.name != "twice")


def describe(made, seed, version, figures):
    """The model's metadata."""
    facts = {
        "names": "{0: 'person'}",
        "input": "images: N x 3 x S x S float32, channels blue, green, red, 0 to 255, unscaled; the picture bilinearly"
        " resized (half-pixel centres, not antialiased) to fit, at the top left, padded with 114",
        "output": "output: N x A x 6 as YOLOX: x, y, w, h raw for strides 8, 16, 32; object and class probability",
        "task": "detects persons; knows rendered people only",
        "licence": "MIT OR Apache-2.0",
        "version": version,
        "seed": str(seed),
        "figures": json.dumps(figures),
    }
    helper.set_model_props(made, facts)


def session(source, threads=1):
    """An ONNX Runtime session of a file or of bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def check(made, layers, inputs):
    """The largest difference between ONNX Runtime and TensorFlow on `inputs` (N x 3 x S x S); more than 1e-3 is an error."""
    ours = session(made.SerializeToString()).run(None, {"images": inputs})[0]
    raw = layers.run(inputs.transpose(0, 2, 3, 1)).numpy()
    raw[..., 4:] = 1.0 / (1.0 + np.exp(-raw[..., 4:].astype(np.float64)))
    difference = float(np.abs(ours - raw).max())
    if difference > 1e-3:
        raise SystemExit(f"The exported model differs from the trained one by {difference:.2g}: at most 0.001 is rounding.")
    return difference
