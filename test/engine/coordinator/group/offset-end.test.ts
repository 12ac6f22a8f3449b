import { describe, expect, it } from 'vitest'
import { limits } from '../../../../engine/base/limits.ts'
import {
  decodeGroupRecord,
  offsetCommitRecord,
} from '../../../../engine/coordinator/group/records.ts'
import { VirtualHost } from '../../../support/coordinator-host.ts'
import { GroupClient } from '../../../support/group-client.ts'

const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA'
const DAY_MS = 86_400_000

async function started(config = {}) {
  const host = new VirtualHost()
  host.addTopic('t', 4)
  host.addTopic('u', 2)
  return GroupClient.start(config, host)
}

function transactional(topic: string, partition: number, offset: number) {
  return offsetCommitRecord('g', topic, partition, {
    offset,
    leaderEpoch: -1,
    metadata: '',
    commitTimestampMs: 1_700_000_000_000,
    expireTimestampMs: -1,
    topicId: ZERO,
  })
}

describe('transactional commits (R12)', () => {
  async function loaded(store: (host: VirtualHost) => void) {
    const host = new VirtualHost()
    host.addTopic('t', 4)
    store(host)
    return GroupClient.start({}, host)
  }

  it('are pending until the marker, and then seen', async () => {
    const client = await loaded((host) => host.storeTransactional(0, transactional('t', 0, 7), 42))
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': -1 })
    client.coordinator.onTransactionMarker(0, 42, true)
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 7 })
  })

  it('vanish with an abort', async () => {
    const client = await loaded((host) => host.storeTransactional(0, transactional('t', 0, 7), 42))
    client.coordinator.onTransactionMarker(0, 42, false)
    expect(await client.fetch(['t-0'], { requireStable: true })).toEqual({ 't-0': -1 })
  })

  it('make a partition unstable for those who ask', async () => {
    const client = await loaded((host) => host.storeTransactional(0, transactional('t', 0, 7), 42))
    expect(await client.fetch(['t-0', 't-1'], { requireStable: true })).toEqual({
      't-0': -88,
      't-1': -1,
    })
    await client.commit({ 't-0': 1 })
    expect(await client.fetch(null, { requireStable: true })).toEqual({ 't-0': -88 })
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 1 })
  })

  it('are settled by markers in the log', async () => {
    const client = await loaded((host) => {
      host.storeTransactional(0, transactional('t', 0, 7), 42)
      host.storeTransactional(0, transactional('t', 1, 8), 43)
      host.storeMarker(0, 42, true)
      host.storeMarker(0, 43, false)
    })
    expect(await client.fetch(['t-0', 't-1'], { requireStable: true })).toEqual({
      't-0': 7,
      't-1': -1,
    })
  })

  it('do not take back an offset that was committed later in the log', async () => {
    const client = await loaded((host) => host.storeTransactional(0, transactional('t', 0, 7), 42))
    await client.commit({ 't-0': 9 })
    client.coordinator.onTransactionMarker(0, 42, true)
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 9 })
  })

  it('win over an offset that was committed earlier in the log', async () => {
    const client = await loaded((host) => {
      host.store(0, {
        ...transactional('t', 0, 3),
        batch: { producerId: -1, producerEpoch: -1, isTransactional: false, isControl: false },
      })
      host.storeTransactional(0, transactional('t', 0, 7), 42)
      host.storeMarker(0, 42, true)
    })
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 7 })
  })

  it('of several producers keep a partition unstable until the last has ended', async () => {
    const client = await loaded((host) => {
      host.storeTransactional(0, transactional('t', 0, 7), 42)
      host.storeTransactional(0, transactional('t', 0, 8), 43)
      host.storeMarker(0, 42, true)
    })
    expect(await client.fetch(['t-0'], { requireStable: true })).toEqual({ 't-0': -88 })
    client.coordinator.onTransactionMarker(0, 43, true)
    expect(await client.fetch(['t-0'], { requireStable: true })).toEqual({ 't-0': 8 })
  })

  it('keep group and offset from expiring', async () => {
    const client = await loaded((host) => host.storeTransactional(0, transactional('t', 0, 7), 42))
    await client.commit({ 't-0': 1 })
    await client.advance(8 * DAY_MS)
    expect(client.hasGroup()).toBe(true)
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 1 })
  })

  it('go with a tombstone', async () => {
    const client = await loaded((host) => host.storeTransactional(0, transactional('t', 0, 7), 42))
    await client.deleteOffsets(['t-0'])
    expect(await client.fetch(['t-0'], { requireStable: true })).toEqual({ 't-0': -1 })
    client.coordinator.onTransactionMarker(0, 42, true)
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': -1 })
  })
})

describe('OffsetDelete', () => {
  it('deletes the offsets of a simple group', async () => {
    const client = await started()
    await client.commit({ 't-0': 1, 't-1': 2 })
    const response = await client.deleteOffsets(['t-0', 't-2'])
    expect(response).toMatchObject({ errorCode: 0 })
    expect(response.topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([0, 0])
    expect(await client.fetch()).toEqual({ 't-1': 2 })
  })

  it('answers GROUP_SUBSCRIBED_TO_TOPIC for topics that members read', async () => {
    const client = await started()
    const [member] = await client.stable(1)
    await client.commit({ 't-0': 1, 'u-0': 2 }, { memberId: member!, generationId: 1 })
    const response = await client.deleteOffsets(['t-0', 'u-0'])
    expect(response.topics.flatMap(({ partitions }) => partitions)).toEqual([
      { partitionIndex: 0, errorCode: 86 },
      { partitionIndex: 0, errorCode: 0 },
    ])
    expect(await client.fetch()).toEqual({ 't-0': 1 })
  })

  it('answers at the top for group errors', async () => {
    const client = await started()
    expect(await client.deleteOffsets(['t-0'])).toEqual({
      errorCode: 69,
      throttleTimeMs: 0,
      topics: [],
    })
    expect((await client.deleteOffsets(['t-0'], '')).errorCode).toBe(24)
    await client.stable(1, { groupId: 'connect', protocolType: 'connect' })
    expect((await client.deleteOffsets(['t-0'], 'connect')).errorCode).toBe(68)
  })

  it('answers UNKNOWN_TOPIC_OR_PARTITION for what does not exist', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    const { topics } = await client.deleteOffsets(['none-0', 't-9'])
    expect(topics.flatMap(({ partitions }) => partitions.map((p) => p.errorCode))).toEqual([3, 3])
  })

  it('reaches a commit that is still in flight', async () => {
    const client = await started()
    await client.commit({ 't-1': 1 })
    client.host.holding = true
    await client.send(8, 9, client.commitBody({ 't-0': 5 }))
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0 }] }]
    await client.send(47, 0, { groupId: 'g', topics })
    client.host.commitAll()
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': -1 })
  })
})

describe('the end of offsets', () => {
  it('comes retention after the commit in a simple group, then that of the group', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    await client.advance(3 * DAY_MS)
    await client.commit({ 't-1': 2 })
    await client.advance(4 * DAY_MS + 600_000)
    expect(await client.fetch()).toEqual({ 't-1': 2 })
    await client.advance(3 * DAY_MS)
    expect(client.hasGroup()).toBe(false)
  })

  it('comes retention after the group became Empty', async () => {
    const client = await started()
    const [member] = await client.stable(1, { sessionTimeoutMs: 1_800_000 })
    await client.commit({ 't-0': 1 }, { memberId: member!, generationId: 1 })
    for (let day = 0; day < 10 * 96; day++) {
      await client.heartbeat(member!, 1)
      await client.advance(DAY_MS / 96)
    }
    expect(await client.fetch()).toEqual({ 't-0': 1 })
    await client.leave([{ memberId: member! }])
    await client.advance(7 * DAY_MS - 600_000)
    expect(await client.fetch()).toEqual({ 't-0': 1 })
    await client.advance(2 * 600_000)
    expect(await client.fetch()).toEqual({})
    expect(client.hasGroup()).toBe(false)
  })

  it('comes in a Stable group for topics that nobody subscribes to', async () => {
    const client = await started({
      offsetsRetentionMs: 60_000,
      offsetsRetentionCheckIntervalMs: 5_000,
    })
    const [member] = await client.stable(1)
    await client.commit({ 't-0': 1, 'u-0': 2 }, { memberId: member!, generationId: 1 })
    for (let at = 0; at < 14; at++) {
      await client.heartbeat(member!, 1)
      await client.advance(5_000)
    }
    expect(await client.fetch()).toEqual({ 't-0': 1 })
  })

  it('does not come in a group of another protocol type while it has members', async () => {
    const client = await started({
      offsetsRetentionMs: 60_000,
      offsetsRetentionCheckIntervalMs: 5_000,
    })
    const [member] = await client.stable(1, { protocolType: 'connect' })
    await client.commit({ 'u-0': 2 }, { memberId: member!, generationId: 1 })
    for (let at = 0; at < 20; at++) {
      await client.heartbeat(member!, 1)
      await client.advance(5_000)
    }
    expect(await client.fetch()).toEqual({ 'u-0': 2 })
  })

  it('comes when the client said in v2-4', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 }, { version: 3, retentionTimeMs: 3_600_000 })
    await client.commit({ 't-1': 2 }, { version: 3 })
    const record = decodeGroupRecord(client.host.batches[0]![0]!)
    expect(record).toMatchObject({ value: { expireTimestampMs: client.host.nowMs + 3_600_000 } })
    expect(client.host.batches[0]![0]!.value!.readInt16BE(0)).toBe(1)
    await client.advance(3_600_000 - 1)
    expect(await client.fetch()).toEqual({ 't-0': 1, 't-1': 2 })
    await client.advance(600_000)
    expect(await client.fetch()).toEqual({ 't-1': 2 })
  })

  it('removes an Empty group that never had offsets', async () => {
    const client = await started()
    const [member] = await client.stable(1)
    await client.leave([{ memberId: member! }])
    await client.advance(600_000)
    expect(client.hasGroup()).toBe(false)
    await client.restart()
    expect(client.hasGroup()).toBe(false)
  })

  it('spares a group with a pending member', async () => {
    const client = await started({ offsetsRetentionCheckIntervalMs: 5_000 })
    const { answer } = await client.join()
    await client.advance(6_000)
    const join = await client.join({ memberId: answer!.memberId })
    expect(join.answer).toBeNull()
  })

  it('spares an offset whose next commit is in flight', async () => {
    const client = await started({
      offsetsRetentionMs: 60_000,
      offsetsRetentionCheckIntervalMs: 5_000,
    })
    await client.commit({ 't-0': 1 })
    await client.advance(59_000)
    client.host.holding = true
    await client.send(8, 9, client.commitBody({ 't-0': 2 }))
    await client.advance(6_000)
    client.host.commitAll()
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 2 })
  })

  it('leaves the group when its tombstone cannot be written', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    await client.advance(7 * DAY_MS - 700_000)
    client.host.appendError = 56
    await client.advance(1_300_000)
    expect(client.group().state).toBe('Empty')
    expect(await client.fetch()).toEqual({ 't-0': 1 })
    client.host.appendError = 0
    await client.advance(600_000)
    expect(client.hasGroup()).toBe(false)
  })
})

describe('deleted topics', () => {
  it('take their offsets with them in every group', async () => {
    const client = await started()
    await client.commit({ 't-0': 1, 'u-0': 2 }, { groupId: 'a' })
    await client.commit({ 't-3': 3 }, { groupId: 'b' })
    client.coordinator.onTopicsDeleted(['t'])
    expect(await client.fetch(null, { groupId: 'a' })).toEqual({ 'u-0': 2 })
    expect(await client.fetch(null, { groupId: 'b' })).toEqual({})
    await client.restart()
    expect(await client.fetch(null, { groupId: 'a' })).toEqual({ 'u-0': 2 })
  })

  it('take commits in flight with them', async () => {
    const client = await started()
    client.host.holding = true
    await client.send(8, 9, client.commitBody({ 't-0': 5 }))
    client.coordinator.onTopicsDeleted(['t'])
    client.host.commitAll()
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': -1 })
  })

  it('are written in batches of a bounded size', async () => {
    const client = await started()
    const { offsets } = client.coordinator.machineOf(0)!
    const value = { offset: 0, leaderEpoch: 0, metadata: '', commitTimestampMs: 0 }
    const stored = { ...value, expireTimestampMs: -1, topicId: ZERO, position: 0 }
    const count = limits.groupTombstonesPerBatchMax + 1
    for (let at = 0; at < count; at++) offsets.commit('g', 'many', at, stored, -1)
    client.coordinator.onTopicsDeleted(['many'])
    expect(client.host.batches.map((batch) => batch.length)).toEqual([count - 1, 1])
    expect(offsets.count('g')).toBe(0)
  })
})
