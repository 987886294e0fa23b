"""Pathway: a table of frames, a column that a function of up to three of them makes, and tables that are written."""

import pathway as pw

from work import BATCH, BROKER, GROUP, IN, MODEL, OUT, PATIENCE, PROCESSED, STATE, work

BACKLOG = 1000 if MODEL == "null" else 100
"""Frames that are read ahead at most; fewer where they are work, as their results come together."""
SNAPSHOTS = 1000
"""Milliseconds between two snapshots of its state."""


# Deterministic but for the time of day: else every result is kept, in case its frame is taken back.
@pw.udf(max_batch_size=BATCH, deterministic=True)
def answers(keys: list[bytes], jpegs: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Result and drawn picture of each frame."""
    return [work(key, jpeg) for key, jpeg in zip(keys, jpegs, strict=True)]


broker = {"bootstrap.servers": BROKER}
# Who is killed holds its partitions until its session has run out: the shortest that Kafka takes as it comes.
reader = {"group.id": GROUP, "auto.offset.reset": "earliest", "session.timeout.ms": "6000"}
frames = pw.io.kafka.read(
    broker | reader,
    IN,
    format="raw",
    name="frames",
    autogenerate_key=True,
    autocommit_duration_ms=int(PATIENCE * 1000),
    max_backlog_size=BACKLOG,
)
done = frames.select(pw.this.key, answer=answers(pw.this.key, pw.this.data))
done = done.select(pw.this.key, result=pw.this.answer[0], drawn=pw.this.answer[1])
pw.io.kafka.write(done, broker, OUT, format="raw", key=done.key, value=done.result, name="results")
if MODEL != "null":
    pw.io.kafka.write(done, broker, PROCESSED, format="raw", key=done.key, value=done.drawn, name="pictures")

kept = None
if STATE:
    # It keeps all frames. What would keep only how far it is, `OPERATOR_PERSISTING`, asks for a licence key.
    kept = pw.persistence.Config(pw.persistence.Backend.filesystem(STATE), snapshot_interval_ms=SNAPSHOTS)
pw.run(monitoring_level=pw.MonitoringLevel.NONE, persistence_config=kept)
