"""kafka-python against the broker at argv[1]: prints one JSON line per check, {name, ok, detail}.

Produce through every codec and idempotently, a group of two whose second member joins late and whose
first leaves, and the admin client. argv[2] is a file of lines.
"""

import hashlib
import json
import sys
import threading
import time
import traceback
import uuid

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

ADDRESS, LINES = sys.argv[1], sys.argv[2]
PARTITIONS = 4


def lines(count):
    with open(LINES, "rb") as file:
        return [line.rstrip(b"\n") for _, line in zip(range(count), file)]


def make_topic(stem, partitions):
    name = "kafka-python-%s-%s" % (stem, uuid.uuid4().hex[:8])
    admin = KafkaAdminClient(bootstrap_servers=ADDRESS)
    admin.create_topics([NewTopic(name, partitions, 1)])
    admin.close()
    return name


def through_codec(codec, count=10000):
    topic = make_topic(codec or "none", 1)
    sent = lines(count)
    producer = KafkaProducer(
        bootstrap_servers=ADDRESS, acks="all", compression_type=codec, linger_ms=5
    )
    futures = [producer.send(topic, value, partition=0, key=b"%d" % at) for at, value in enumerate(sent)]
    producer.flush(60)
    for at, future in enumerate(futures):
        assert future.get(10).offset == at, "record %d is at %d" % (at, future.get().offset)
    producer.close()
    consumer = KafkaConsumer(
        bootstrap_servers=ADDRESS, auto_offset_reset="earliest", consumer_timeout_ms=20000
    )
    consumer.assign([TopicPartition(topic, 0)])
    got = []
    for record in consumer:
        assert record.key == b"%d" % record.offset
        got.append(record.value)
        if len(got) == len(sent):
            break
    consumer.close()
    digest = [hashlib.md5(b"\n".join(part)).hexdigest() for part in (sent, got)]
    assert digest[0] == digest[1], "sent %d, got %d" % (len(sent), len(got))
    return "%d lines, md5 equal" % len(got)


def idempotent(count=5000):
    topic = make_topic("idempotent", 1)
    producer = KafkaProducer(bootstrap_servers=ADDRESS, enable_idempotence=True, linger_ms=2)
    for at in range(count):
        producer.send(topic, b"%d" % at, partition=0)
    producer.close(30)
    consumer = KafkaConsumer(
        bootstrap_servers=ADDRESS, auto_offset_reset="earliest", consumer_timeout_ms=20000
    )
    consumer.assign([TopicPartition(topic, 0)])
    for expected in range(count):
        record = next(consumer)
        assert record.value == b"%d" % expected, "%r at %d" % (record.value, record.offset)
    consumer.close()
    return "%d records, each once and in order" % count


class Member(threading.Thread):
    def __init__(self, topic, seen):
        super().__init__(daemon=True)
        self.topic, self.seen = topic, seen
        self.leave = threading.Event()
        self.count = 0

    def run(self):
        consumer = KafkaConsumer(
            self.topic,
            bootstrap_servers=ADDRESS,
            group_id=self.topic,
            auto_offset_reset="earliest",
            auto_commit_interval_ms=200,
            session_timeout_ms=10000,
            heartbeat_interval_ms=300,
        )
        while not self.leave.is_set():
            for partition, records in consumer.poll(200).items():
                for record in records:
                    self.count += 1
                    key = (partition.partition, record.offset)
                    self.seen[key] = self.seen.get(key, 0) + 1
        consumer.close()


def group(count=10000):
    topic = make_topic("group", PARTITIONS)
    seen = {}
    first, second = (Member(topic, seen) for _ in range(2))
    producer = KafkaProducer(bootstrap_servers=ADDRESS, acks="all")
    first.start()
    until = time.time() + 60
    for at in range(count):
        producer.send(topic, b"%d" % at, partition=at % PARTITIONS)
        if at % 500 == 499:
            producer.flush(30)
            time.sleep(0.2)
        if at == count // 4:
            second.start()
        if at == count * 3 // 4:
            first.leave.set()
    producer.close(30)
    while len(seen) < count and time.time() < until:
        time.sleep(0.05)
    second.leave.set()
    first.join(20)
    second.join(20)
    assert len(seen) == count, "%d of %d records" % (len(seen), count)
    assert first.count > 0 and second.count > 0, "%d + %d" % (first.count, second.count)
    repeated = sum(seen.values()) - count
    return "%d + %d records, %d repeated" % (first.count, second.count, repeated)


def offsets():
    topic = make_topic("offsets", 1)
    producer = KafkaProducer(bootstrap_servers=ADDRESS)
    before = int(time.time() * 1000) - 1000
    for at in range(10):
        producer.send(topic, b"%d" % at, timestamp_ms=before + at)
    producer.close(30)
    consumer = KafkaConsumer(bootstrap_servers=ADDRESS)
    partition = TopicPartition(topic, 0)
    assert consumer.beginning_offsets([partition])[partition] == 0
    assert consumer.end_offsets([partition])[partition] == 10
    found = consumer.offsets_for_times({partition: before + 4})[partition]
    consumer.close()
    assert found.offset == 4, found
    return "beginning 0, end 10, by timestamp 4"


checks = [(codec or "no compression", lambda codec=codec: through_codec(codec))
          for codec in (None, "gzip", "snappy", "lz4", "zstd")]
checks += [("idempotent producer", idempotent), ("group", group), ("offsets", offsets)]
for name, run in checks:
    try:
        print(json.dumps({"name": name, "ok": True, "detail": run()}), flush=True)
    except Exception:
        print(json.dumps({"name": name, "ok": False, "detail": traceback.format_exc()[-800:]}), flush=True)
