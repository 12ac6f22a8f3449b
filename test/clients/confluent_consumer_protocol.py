"""confluent-kafka with group.protocol=consumer (KIP-848) at argv[1]: one JSON line per check.

Members join and leave under a flow of records; a pattern is resolved by the broker and finds a topic
made later; a static member comes back to its partitions. argv[2] is not used.
"""

import json
import sys
import time
import traceback
import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

ADDRESS = sys.argv[1]
PARTITIONS = 4
BASE = {"bootstrap.servers": ADDRESS}


def make_topic(name, partitions):
    client = AdminClient(BASE)
    for future in client.create_topics([NewTopic(name, partitions, 1)]).values():
        future.result(30)
    return name


def fresh(stem):
    return "%s-%s" % (stem, uuid.uuid4().hex[:8])


def member(group, topics, **more):
    consumer = Consumer({
        **BASE,
        "group.id": group,
        "group.protocol": "consumer",
        "auto.offset.reset": "earliest",
        "auto.commit.interval.ms": 200,
        "topic.metadata.refresh.interval.ms": 1000,
        **more,
    })
    consumer.subscribe(topics)
    return consumer


def take(consumer, seen, seconds):
    count = 0
    for message in consumer.consume(500, seconds):
        if message.error() is None:
            key = (message.topic(), message.partition(), message.offset())
            seen[key] = seen.get(key, 0) + 1
            count += 1
    return count


def changes(count=12000):
    topic = make_topic(fresh("kip848"), PARTITIONS)
    producer = Producer({**BASE, "acks": "all", "linger.ms": 1})
    seen, counts = {}, [0, 0, 0]
    members = [member(topic, [topic]), None, None]
    sent, until = 0, time.time() + 100
    while len(seen) < count and time.time() < until:
        # Assignments move with heartbeats, five seconds apart: the flow must outlast a few.
        for _ in range(25):
            if sent < count and sent - len(seen) < 2000:
                producer.produce(topic, b"%d" % sent, partition=sent % PARTITIONS)
                sent += 1
        producer.poll(0)
        for at, consumer in enumerate(members):
            if consumer:
                counts[at] += take(consumer, seen, 0.02)
        for at in (1, 2):
            if members[at] is None and len(seen) > count * at // 8:
                members[at] = member(topic, [topic])
        if members[0] is not None and len(seen) > count * 3 // 4 and counts[2] > 0:
            members[0].close()
            members[0] = None
    for consumer in members:
        if consumer is not None:
            consumer.close()
    producer.flush(30)
    assert len(seen) == count, "%d of %d records" % (len(seen), count)
    assert min(counts) > 0, "a member got nothing: %s" % counts
    return "%s records, %d repeated" % (
        " + ".join(str(part) for part in counts), sum(seen.values()) - count)


def pattern():
    stem = fresh("pattern")
    make_topic(stem + "-1", 1)
    producer = Producer(BASE)
    producer.produce(stem + "-1", b"one", partition=0)
    producer.flush(30)
    consumer = member(stem, ["^%s-[0-9]+" % stem])
    seen, until = {}, time.time() + 60
    while len(seen) < 1 and time.time() < until:
        take(consumer, seen, 0.5)
    assert len(seen) == 1, "nothing from the first topic"
    make_topic(stem + "-2", 2)
    producer.produce(stem + "-2", b"two", partition=1)
    producer.flush(30)
    while len(seen) < 2 and time.time() < until:
        take(consumer, seen, 0.5)
    consumer.close()
    assert len(seen) == 2, "nothing from the topic made later"
    return "both topics found"


def static():
    topic = make_topic(fresh("static"), PARTITIONS)

    def partitions(consumer, seconds):
        until = time.time() + seconds
        while time.time() < until:
            consumer.poll(0.2)
            mine = sorted(each.partition for each in consumer.assignment())
            if mine:
                return mine
        return []

    first = member(topic, [topic], **{"group.instance.id": "one"})
    before = partitions(first, 30)
    first.close()
    again = member(topic, [topic], **{"group.instance.id": "one"})
    after = partitions(again, 30)
    again.close()
    assert before == after == list(range(PARTITIONS)), "%s, then %s" % (before, after)
    return "came back to %d partitions" % len(after)


for name, run in (("members come and go", changes), ("a pattern", pattern),
                  ("a static member", static)):
    try:
        print(json.dumps({"name": name, "ok": True, "detail": run()}), flush=True)
    except Exception:
        detail = traceback.format_exc()[-800:]
        print(json.dumps({"name": name, "ok": False, "detail": detail}), flush=True)
