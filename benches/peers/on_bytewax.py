"""Bytewax: each worker reads its own partition, works, and writes.

`flat_map_batch` is what its authors have for work that goes better by several ("a performance optimization when
processing multiple items at once"): it gets what one poll of the source brought, on the worker that polled. `collect`
would wait for three frames of one key, and move each to the worker that its key's hash names, by pickle between
processes; the two cameras may then lie on one worker.
"""

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow

from work import BROKER, IN, MODEL, OUT, messages

POLL = 1000 if MODEL == "null" else 30
"""Frames that a poll brings at most: its default, and fewer where they are work, as their results come together."""


def answers(frames: list) -> list:
    """What is written for the frames of a poll."""
    found = [messages(frame.key, frame.value) for frame in frames]
    return [KafkaSinkMessage(key, value, topic=topic) for of in found for topic, key, value in of]


flow = Dataflow("peer")
source = KafkaSource([BROKER], [IN], batch_size=POLL)
frames = op.input("frames", flow, source)
done = op.flat_map_batch("work", frames, answers)
# The sink waits for each poll's results to be written: nothing is gained by letting them linger.
sink = KafkaSink([BROKER], OUT, add_config={"linger.ms": "0"})
op.output("results", done, sink)
