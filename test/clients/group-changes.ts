/**
 * The group scenario, the same for every client: records flow into a topic while members join and
 * leave; the ledger says whether anything was missed, or repeated beyond at-least-once.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { GroupLedger } from './group-ledger.ts'
import { KafkaAdmin } from './kafka-admin.ts'
import { check, grouped, type Lane } from './scenario.ts'

const PARTITIONS = 6
const BATCH = 50
/** About 5,000 records a second: the flow outlasts every change of membership. */
const BATCH_INTERVAL_MS = 10
const STALL_MS = 30_000

export interface GroupMember {
  /** Leaves the group in good order. */
  leave(): Promise<void>
}

export interface GroupClient {
  /**
   * It hands out nothing from before an assignment after it, and commits in order. Of a client that
   * does, a real Kafka shows the same steps back as ours: only what is missed is checked.
   */
  readonly strict: boolean
  /** Sends values to one partition; resolves when they are acknowledged. */
  send(topic: string, partition: number, values: string[]): Promise<void>
  join(options: {
    readonly topic: string
    readonly group: string
    readonly name: string
    onAssigned(): void
    onRecord(partition: number, offset: number): void
  }): Promise<GroupMember>
}

export async function membersComeAndGo(lane: Lane, client: GroupClient): Promise<string> {
  const topic = `group-${randomUUID().slice(0, 8)}`
  const group = `${topic}-members`
  const admin = new KafkaAdmin(lane)
  await admin.createTopic(topic, PARTITIONS)
  const total = lane.sizes.groupRecords
  const ledger = new GroupLedger(PARTITIONS, total)
  const members = new Map<string, GroupMember>()
  const join = async (name: string): Promise<void> => {
    const member = await client.join({
      topic,
      group,
      name,
      onAssigned: () => ledger.assigned(name),
      onRecord: (partition, offset) => ledger.record(name, partition, offset),
    })
    members.set(name, member)
  }
  const leave = async (name: string): Promise<void> => {
    await members.get(name)?.leave()
    members.delete(name)
  }
  lane.defer(() => Promise.all([...members.values()].map((member) => member.leave())))

  await join('first')
  const producing = produce(client, topic, total)
  producing.catch(() => {})
  const watching = watchCommits(admin, topic, group, ledger)
  const reached = (share: number): Promise<void> => progress(ledger, total * share)
  await reached(0.15)
  await join('second')
  await reached(0.35)
  await join('third')
  await reached(0.55)
  await leave('first')
  await reached(0.75)
  await leave('second')
  await producing
  await reached(1)
  await watching.stop()
  await leave('third')

  const ends = await admin.endOffsets(topic)
  const missing = ledger.missing(ends)
  check(missing.length === 0, () => `never received: ${missing.join(', ')}`)
  check(!client.strict || ledger.problems.length === 0, () => ledger.problems.join('\n'))
  const shares = ['first', 'second', 'third'].map((name) => ledger.receivedBy(name))
  check(Math.min(...shares) > 0, () => `a member got nothing: ${shares.join(', ')}`)
  const committed = await admin.groupOffsets(group, topic)
  // A client that is not strict may commit the offset of the last record, not the next one.
  const slack = client.strict ? 0 : 1
  check(
    committed.every((offset, partition) => offset + slack >= (ends[partition] ?? 0)),
    () => `ends ${ends.join()}, committed after the last member left ${committed.join()}`,
  )
  return `${grouped(total)} records to ${shares.join(' + ')}, ${ledger.repeated} repeated`
}

async function produce(client: GroupClient, topic: string, total: number): Promise<void> {
  for (let sent = 0; sent < total; sent += BATCH) {
    const partition = (sent / BATCH) % PARTITIONS
    const values = Array.from({ length: BATCH }, (_, at) => `record ${sent + at}`)
    await client.send(topic, partition, values)
    await sleep(BATCH_INTERVAL_MS)
  }
}

/** Resolves when `count` different records were received; rejects when none comes for long. */
async function progress(ledger: GroupLedger, count: number): Promise<void> {
  let [before, since] = [ledger.distinct, performance.now()]
  while (ledger.distinct < count) {
    await sleep(20)
    if (ledger.distinct !== before) [before, since] = [ledger.distinct, performance.now()]
    check(
      performance.now() - since < STALL_MS,
      () =>
        `no record for ${STALL_MS / 1000} s at ${ledger.distinct} of ${count}; ` +
        ledger.problems.join('; '),
    )
  }
}

function watchCommits(admin: KafkaAdmin, topic: string, group: string, ledger: GroupLedger) {
  let running = true
  const watching = admin.use(async (client) => {
    while (running) {
      const answer = await client.fetchOffsets({ groupId: group, topics: [topic] })
      for (const { partition, offset } of answer[0]?.partitions ?? [])
        ledger.observedCommit(partition, Number(offset))
      await sleep(100)
    }
  })
  watching.catch(() => {})
  return {
    stop(): Promise<void> {
      running = false
      return watching
    },
  }
}
