"""PySpark Structured Streaming on two threads: Kafka, `mapInArrow`, Kafka. on_spark.py OFFSETS JAR…

OFFSETS is `maxOffsetsPerTrigger`, 0 for none. Its real-time mode, the fastest, has no `mapInArrow`, nor any other way
to give a function several frames.
"""

import signal
import sys
import tempfile

import pyarrow as pa
from pyspark.sql import SparkSession

from work import BATCH, BROKER, IN, STATE, messages

FIELDS = pa.schema([("topic", pa.string()), ("key", pa.binary()), ("value", pa.binary())])


def answers(batches):
    """What is written for the frames of each batch of Arrow's."""
    for batch in batches:
        frames = zip(batch["key"].to_pylist(), batch["value"].to_pylist(), strict=True)
        columns = zip(*(message for key, jpeg in frames for message in messages(key, jpeg)), strict=True)
        yield pa.record_batch([list(column) for column in columns], schema=FIELDS)


def session(jars: list[str], folder: str) -> SparkSession:
    settings = {
        "spark.jars": ",".join(jars),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={folder}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": BATCH,
    }
    return SparkSession.builder.master("local[2]").appName("peer").config(map=settings).getOrCreate()


def main(offsets: int, jars: list[str], folder: str) -> None:
    spark = session(jars, folder)
    spark.sparkContext.setLogLevel("ERROR")
    source = {
        "kafka.bootstrap.servers": BROKER,
        "subscribe": IN,
        "startingOffsets": "earliest",
    }
    if offsets:
        source["maxOffsetsPerTrigger"] = offsets
    sink = {
        "kafka.bootstrap.servers": BROKER,
        "checkpointLocation": f"{STATE or folder}/checkpoints",
    }
    frames = spark.readStream.format("kafka").options(**source).load().select("key", "value")
    done = frames.mapInArrow(answers, "topic string, key binary, value binary")
    done.writeStream.format("kafka").options(**sink).start().awaitTermination()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # So that the JVM ends too.
    # Beside its state, where it has one: who is killed leaves it behind.
    with tempfile.TemporaryDirectory(dir=STATE) as folder:
        main(int(sys.argv[1]), sys.argv[2:], folder)
