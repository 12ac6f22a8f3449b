"""confluent-kafka (a recent librdkafka) against the broker at argv[1]: one JSON line per check.

Produce through every codec, idempotently, a group with a cooperative assignor whose members change,
and the admin client. argv[2] is a file of lines.
"""

import hashlib
import json
import sys
import time
import traceback
import uuid

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

ADDRESS, LINES = sys.argv[1], sys.argv[2]
PARTITIONS = 4
BASE = {"bootstrap.servers": ADDRESS}


def lines(count):
    with open(LINES, "rb") as file:
        return [line.rstrip(b"\n") for _, line in zip(range(count), file)]


def make_topic(stem, partitions):
    name = "confluent-%s-%s" % (stem, uuid.uuid4().hex[:8])
    # Its futures fail once the client itself is gone.
    client = AdminClient(BASE)
    for future in client.create_topics([NewTopic(name, partitions, 1)]).values():
        future.result(30)
    return name


def send_all(producer, topic, values, partition=0):
    failed = []

    def delivered(error, _message):
        if error is not None:
            failed.append(error)

    for value in values:
        while True:
            try:
                producer.produce(topic, value, partition=partition, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
    left = producer.flush(60)
    assert left == 0 and not failed, "%d left, %s" % (left, failed[:3])


def read_all(topic, count):
    consumer = Consumer({**BASE, "group.id": "read-" + topic, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    got, until = [], time.time() + 60
    while len(got) < count and time.time() < until:
        for message in consumer.consume(1000, 1.0):
            assert message.error() is None, message.error()
            got.append(message.value())
    consumer.close()
    return got


def through_codec(codec, count=50000):
    topic = make_topic(codec, 1)
    sent = lines(count)
    send_all(Producer({**BASE, "acks": "all", "compression.type": codec, "linger.ms": 5}), topic, sent)
    got = read_all(topic, count)
    digest = [hashlib.md5(b"\n".join(part)).hexdigest() for part in (sent, got)]
    assert digest[0] == digest[1], "sent %d, got %d" % (len(sent), len(got))
    return "%d lines, md5 equal" % len(got)


def idempotent(count=50000):
    topic = make_topic("idempotent", 1)
    producer = Producer({**BASE, "enable.idempotence": True, "batch.num.messages": 100})
    send_all(producer, topic, [b"%d" % at for at in range(count)])
    got = read_all(topic, count)
    assert got == [b"%d" % at for at in range(count)], "%d of %d" % (len(got), count)
    return "%d records, each once and in order" % count


def member(topic, strategy):
    consumer = Consumer({
        **BASE,
        "group.id": topic,
        "auto.offset.reset": "earliest",
        "auto.commit.interval.ms": 200,
        "session.timeout.ms": 10000,
        "heartbeat.interval.ms": 300,
        "partition.assignment.strategy": strategy,
    })
    consumer.subscribe([topic])
    return consumer


def group(strategy, count=20000):
    topic = make_topic("group", PARTITIONS)
    producer = Producer({**BASE, "acks": "all", "linger.ms": 1})
    seen, counts = {}, [0, 0, 0]
    members = [member(topic, strategy), None, None]
    sent, until = 0, time.time() + 90
    while len(seen) < count and time.time() < until:
        for _ in range(100):
            if sent < count and sent - len(seen) < 2000:
                producer.produce(topic, b"%d" % sent, partition=sent % PARTITIONS)
                sent += 1
        producer.poll(0)
        for at, consumer in enumerate(members):
            for message in consumer.consume(500, 0.02) if consumer else []:
                assert message.error() is None, message.error()
                counts[at] += 1
                key = (message.partition(), message.offset())
                seen[key] = seen.get(key, 0) + 1
        for at in (1, 2):
            if members[at] is None and len(seen) > count * at // 5:
                members[at] = member(topic, strategy)
        if members[0] is not None and len(seen) > count * 4 // 5:
            members[0].close()
            members[0] = None
    for consumer in members:
        if consumer is not None:
            consumer.close()
    producer.flush(30)
    assert len(seen) == count, "%d of %d records" % (len(seen), count)
    repeated = sum(seen.values()) - count
    return "%s records, %d repeated" % (" + ".join(str(part) for part in counts), repeated)


def admin():
    topic = make_topic("admin", 1)
    client = AdminClient(BASE)
    for future in client.create_partitions([NewPartitions(topic, 3)]).values():
        future.result(30)
    described = client.list_topics(topic, timeout=30).topics[topic]
    assert len(described.partitions) == 3, described.partitions
    send_all(Producer(BASE), topic, [b"one", b"two"], 2)
    group_id = topic + "-group"
    wanted = ConsumerGroupTopicPartitions(group_id, [TopicPartition(topic, 2, 1)])
    for future in client.alter_consumer_group_offsets([wanted]).values():
        future.result(30)
    asked = ConsumerGroupTopicPartitions(group_id, [TopicPartition(topic, 2)])
    for future in client.list_consumer_group_offsets([asked]).values():
        assert future.result(30).topic_partitions[0].offset == 1
    for future in client.delete_consumer_groups([group_id]).values():
        future.result(30)
    for future in client.delete_topics([topic]).values():
        future.result(30)
    return "partitions added, group offset set, group and topic deleted"


checks = [(codec, lambda codec=codec: through_codec(codec))
          for codec in ("none", "gzip", "snappy", "lz4", "zstd")]
checks += [("idempotent producer", idempotent)]
checks += [("group, %s" % strategy, lambda strategy=strategy: group(strategy))
           for strategy in ("range", "cooperative-sticky")]
checks += [("admin", admin)]
for name, run in checks:
    try:
        print(json.dumps({"name": name, "ok": True, "detail": run()}), flush=True)
    except Exception:
        print(json.dumps({"name": name, "ok": False, "detail": traceback.format_exc()[-800:]}), flush=True)
