/** What a recorder's topic looks like from outside: its ends, a group's positions, all of its records. */
import { KafkaAdmin } from '../clients/kafka-admin.ts'
import { type ReadLane, readTopic } from '../clients/read-topic.ts'
import type { Recorder } from './recorder.ts'

/** Resolves with the ends by partition number. */
export async function askEnds(lane: ReadLane, recorder: Recorder): Promise<number[]> {
  const t0 = recorder.begin()
  const ends = await new KafkaAdmin(lane).endOffsets(recorder.topic)
  recorder.add(recorder.process(), t0, 'ok', [{ f: 'ends', ends: [...ends.entries()] }])
  return ends
}

export async function askCommitted(
  lane: ReadLane,
  recorder: Recorder,
  group: string,
): Promise<void> {
  const t0 = recorder.begin()
  const offsets = await new KafkaAdmin(lane).groupOffsets(group, recorder.topic)
  const mop = { f: 'committed', group, offsets: [...offsets.entries()] } as const
  recorder.add(recorder.process(), t0, 'ok', [mop])
}

/** The last reading: every partition from begin to end. */
export async function drainTopic(lane: ReadLane, recorder: Recorder): Promise<number> {
  const t0 = recorder.begin()
  const partitions = await readTopic(lane, recorder.topic)
  const proc = recorder.process()
  let count = 0
  for (const [k, records] of partitions.entries()) {
    const got = records.map(({ offset, value }) => [k, offset, `${value}`] as const)
    count += got.length
    recorder.add(proc, t0, 'ok', [{ f: 'poll', got }], { final: true })
  }
  return count
}
