"""No engine: a loop over one partition, plain.py PARTITION. run.sh starts one for each of the two.

It reads, works, writes, and says every second how far it has come, once all that came of it is written: what is done
again after a kill is a second's work. It takes its partition by hand, as there is nobody to share it with (a group
would wait for the lost member's session to run out).
"""

import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from work import BATCH, BROKER, GROUP, IN, PATIENCE, messages

COMMIT_EVERY = 1.0


def main(partition: int) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": BROKER,
            "group.id": GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(IN, partition)])
    producer = Producer({"bootstrap.servers": BROKER})
    committed = time.monotonic()
    while True:
        for message in consumer.consume(BATCH, PATIENCE):
            if message.error():
                raise SystemExit(f"partition {partition} of {IN}: {message.error()}")
            for topic, key, value in messages(message.key(), message.value()):
                producer.produce(topic, value, key)
        producer.poll(0)
        if time.monotonic() >= committed + COMMIT_EVERY:
            commit(consumer, producer)
            committed = time.monotonic()


def commit(consumer: Consumer, producer: Producer) -> None:
    """Says how far all is written."""
    if producer.flush(30):
        raise SystemExit("the broker took nothing for 30 seconds")
    if any(place.offset >= 0 for place in consumer.position(consumer.assignment())):
        consumer.commit(asynchronous=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
