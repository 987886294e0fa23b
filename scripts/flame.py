"""Draws what `perf script` wrote as a flame graph, and says which part of a frame's way has which share of the time.

usage: flame.py STACKS SVG TITLE. Parts of the way are told by functions in a stack; the first that fits has it.
"""

import collections
import re
import sys
from html import escape

# libjpeg-turbo's assembler has no frames to walk: its functions are known by their own names.
PARTS = [
    ("model (ONNX Runtime)", r"onnxruntime"),
    ("decode", r"Decompress|decompress|decode_mcu|idct|upsample|ycc_extrgb|codec::(decode|look)|codec::header"),
    ("encode", r"ompress|fdct|huff_encode|encode_mcu|extrgb_ycc|quantize|downsample|pre_process|convsamp|forward_DCT"),
    ("letterbox", r"etterbox"),
    ("draw", r"steps::draw|paint::"),
    ("boxes", r"steps::detect|models::"),
    ("report, plan", r"report::|write::|plan::"),
    ("sinks (write, sync)", r"^io;|sinks::|fsync|settle"),
    ("sources", r"sources::"),
    ("timely", r"^timely|timely::"),
]
WIDTH, ROW, LEAST = 1200, 16, 0.6


def function(call):
    """A line's function; of a library without symbols its file; nothing where perf lost its way."""
    name = call.strip().partition(" ")[2]
    library = re.fullmatch(r"\[unknown\] \((?:.*/)?(.*)\)", name)
    if library:
        return library[1] if library[1].startswith("lib") else None
    return re.sub(r"\+0x[0-9a-f]+ .*", "", name)


def stacks(lines):
    """The samples, each as the names of its part, its thread and its functions, the outermost first."""
    thread, calls = None, []
    for line in lines:
        if not line.strip():
            if thread:
                yield part(thread, calls), thread, *reversed(calls)
            thread, calls = None, []
        elif line[0] in " \t":
            name = function(line)
            if name and name not in calls[-1:]:
                calls.append(name)
        else:
            thread = re.sub(r"-\d+$", "", line.split()[0])


def part(thread, calls):
    """Which part of a frame's way a stack belongs to."""
    stack = ";".join([thread, *reversed(calls)])
    return next((name for name, pattern in PARTS if re.search(pattern, stack)), "other")


def shares(samples):
    """Each part's share in percent, the largest first."""
    count = collections.Counter(sample[0] for sample in samples)
    return [(100 * n / len(samples), name) for name, n in count.most_common()]


def tree(samples):
    """Functions below functions: [samples, {name: …}]."""
    root = [0, {}]
    for sample in samples:
        root[0] += 1
        at = root
        for name in sample:
            at = at[1].setdefault(name, [0, {}])
            at[0] += 1
    return root


def boxes(node, name, left, depth, scale):
    """A rectangle for each function that is wide enough to be seen, callers below."""
    width = node[0] * scale
    if width < LEAST:
        return
    yield left, depth, width, name, node[0]
    for child, below in sorted(node[1].items(), key=lambda item: -item[1][0]):
        yield from boxes(below, child, left, depth + 1, scale)
        left += below[0] * scale


def svg(samples, title):
    """The picture, as text."""
    all_boxes = list(boxes(tree(samples), "all", 0, 0, WIDTH / len(samples)))
    height = (max(depth for _, depth, *_ in all_boxes) + 3) * ROW
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">'
    yield f'<rect width="{WIDTH}" height="{height}" fill="#fff"/><text x="6" y="14" font-size="13">{escape(title)}</text>'
    for left, depth, width, name, count in all_boxes:
        top = height - (depth + 1) * ROW
        hue = sum(name.encode()) % 40 + 10
        text = name if len(name) * 6.7 < width else name[: max(0, int(width / 6.7) - 1)] + "…" if width > 25 else ""
        share = f"{escape(name)}: {100 * count / len(samples):.2f} %"
        yield f'<g><title>{share}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}" fill="hsl({hue},85%,68%)"/>'
        yield f'<text x="{left + 2:.1f}" y="{top + 11}">{escape(text)}</text></g>' if text else "</g>"
    yield "</svg>"


def main():
    """Reads, draws, and prints the shares."""
    source, target, title = sys.argv[1:]
    with open(source, encoding="utf-8", errors="replace") as lines:
        samples = list(stacks(lines))
    if not samples:
        sys.exit(f"{source} holds no samples: perf saw nothing run")
    with open(target, "w", encoding="utf-8") as out:
        out.write("\n".join(svg(samples, title)))
    for share, name in shares(samples):
        print(f"{share:6.2f} %  {name}")


if __name__ == "__main__":
    main()
