/** What outlives a stop, a power cut, and another process at the same store. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import { limits } from '../../../../engine/base/limits.ts'
import { type MetadataImage, partitionKey } from '../../../../engine/metadata/image.ts'
import {
  CLUSTER_ID,
  type ControllerRig,
  creation,
  newDisk,
  removal,
  restarted,
  startController,
  topic,
} from '../../../support/controller-rig.ts'
import type { SimulatedDisk } from '../../../support/simulated-disk.ts'

function epochsOf(image: MetadataImage, name: string): number[] {
  return image.topics.get(name)?.partitions.map(({ leaderEpoch }) => leaderEpoch) ?? []
}

describe('a restart', () => {
  it('finds the same topics under the same ids, and keeps the first cluster id', async () => {
    const first = await startController(await newDisk())
    await first.controller.createTopics(
      creation([
        topic('a', { numPartitions: 3, configs: [{ name: 'cleanup.policy', value: 'compact' }] }),
        topic('b'),
      ]),
    )
    await first.controller.deleteTopics(removal('b'))
    const before = first.controller.image
    const { controller } = await restarted(first)
    const strip = (image: MetadataImage) =>
      [...image.topics.values()].map(({ partitions, ...rest }) => [partitions.length, rest])
    expect(strip(controller.image)).toEqual(strip(before))
    expect([...controller.image.topicsById.keys()]).toEqual([...before.topicsById.keys()])
    expect(controller.image.clusterId).toBe(CLUSTER_ID)
    expect(controller.image.version).toBeGreaterThan(before.version)
  })

  it('finishes the deletion of a topic that lay in a data folder that had failed', async () => {
    const first = await startController(await newDisk())
    await first.controller.createTopics(creation([topic('whole'), topic('broken')]))
    const broken = first.controller.image.topics.get('broken')!
    await first.controller.takeOffline([partitionKey(broken.ordinal, 0)])
    await first.controller.deleteTopics(removal('whole', 'broken'))
    const { controller } = await restarted(first)
    expect([...controller.unfinishedDeletions]).toEqual([[broken.topicId, 'broken']])
  })

  it('counts as a new incarnation and a new leader of every partition', async () => {
    let on = await startController(await newDisk())
    expect(on.controller.image.incarnation).toBe(1)
    await on.controller.createTopics(creation([topic('old')]))
    expect(epochsOf(on.controller.image, 'old')).toEqual([0])
    on = await restarted(on)
    expect(on.controller.image.incarnation).toBe(2)
    await on.controller.createTopics(creation([topic('young')]))
    await on.controller.createPartitions({
      topics: [{ name: 'old', count: 2, assignments: null }],
      timeoutMs: 1_000,
      validateOnly: false,
    })
    expect(epochsOf(on.controller.image, 'old')).toEqual([1, 1])
    expect(epochsOf(on.controller.image, 'young')).toEqual([0])
    on = await restarted(await restarted(on))
    expect(epochsOf(on.controller.image, 'old')).toEqual([3, 3])
    expect(epochsOf(on.controller.image, 'young')).toEqual([2])
  })

  it('never gives out an ordinal again', async () => {
    let on = await startController(await newDisk())
    const seen = new Set<number>()
    for (let round = 0; round < 3; round++) {
      await on.controller.createTopics(creation([topic('a'), topic('b')]))
      for (const { ordinal } of on.controller.image.topics.values()) {
        expect(seen.has(ordinal)).toBe(false)
        seen.add(ordinal)
      }
      await on.controller.deleteTopics(removal('a', 'b'))
      on = await restarted(on)
    }
  })
})

describe('a power cut', () => {
  /** Every legal state of the disk at every call while `run` goes on, with what holds at the time. */
  async function cuts<T>(
    disk: SimulatedDisk,
    holds: () => T,
    run: () => Promise<void>,
  ): Promise<{ after: SimulatedDisk; held: T }[]> {
    const found: { after: SimulatedDisk; held: T }[] = []
    let seed = 0
    disk.onCall = () => {
      for (const after of disk.crashStates(++seed, 3)) found.push({ after, held: holds() })
    }
    await run()
    disk.onCall = null
    return found
  }

  it('never makes a producer id appear twice', async () => {
    const on = await startController(await newDisk())
    const given: { firstProducerId: number; count: number }[] = []
    const states = await cuts(
      on.disk,
      () => given.length,
      async () => {
        for (let n = 1; n <= 12; n++) given.push(await on.controller.allocateProducerIds(n * 10))
      },
    )
    let expected = 0
    for (const { firstProducerId, count } of given) {
      expect(firstProducerId).toBe(expected)
      expected += count
    }
    for (const { after, held } of states) {
      const { controller } = await startController(after)
      const next = await controller.allocateProducerIds(1)
      const last = given[held - 1]
      const end = last === undefined ? 0 : last.firstProducerId + last.count
      expect(next.firstProducerId).toBeGreaterThanOrEqual(end)
    }
    expect(states.length).toBeGreaterThan(30)
  })

  it('leaves each topic as it was answered, or as it was being made, and raises its epoch', async () => {
    const on = await startController(await newDisk())
    const { controller } = on
    const states = await cuts(
      on.disk,
      () => controller.image,
      async () => {
        await controller.createTopics(creation([topic('a', { numPartitions: 2 }), topic('b')]))
        await controller.deleteTopics(removal('b'))
        await controller.createTopics(creation([topic('b', { numPartitions: 4 })]))
      },
    )
    const steps = [[], ['a:2', 'b:1'], ['a:2'], ['a:2', 'b:4']].map((step) => step.join())
    for (const { after, held } of states) {
      const next = await startController(after)
      const shape = (image: MetadataImage) =>
        [...image.topics.values()].map((each) => `${each.name}:${each.partitions.length}`).join()
      const known = steps.indexOf(shape(held))
      expect([steps[known], steps[known + 1]]).toContain(shape(next.controller.image))
      for (const [topicId, { name }] of held.topicsById) {
        const survivor = next.controller.image.topicsById.get(topicId)
        if (survivor === undefined)
          expect(next.controller.unfinishedDeletions.get(topicId)).toBe(name)
        else expect(epochsOf(next.controller.image, name)[0]).toBeGreaterThan(0)
      }
    }
  })
})

describe('the store', () => {
  it('shared with another process stops the older one', async () => {
    const on = await startController(await newDisk())
    const entry = await on.store.get('cluster')
    await on.store.transact([], [{ key: 'cluster', value: entry?.value ?? '' }])
    await expect(on.controller.createTopics(creation([topic('a')]))).rejects.toMatchObject({
      code: ErrorCode.NOT_CONTROLLER,
    })
    expect(on.controller.image.topics.size).toBe(0)
  })

  it('that refuses a change leaves the image as it was, and the next change may go', async () => {
    const on = await startController(await newDisk())
    on.disk.inject({ at: 1, operation: 'write', fault: { kind: 'error', code: 'ENOSPC' } })
    await expect(on.controller.createTopics(creation([topic('a')]))).rejects.toThrow('ENOSPC')
    expect(on.images).toEqual([])
    const [result] = await on.controller.createTopics(creation([topic('a')]))
    expect(result?.errorCode).toBe(0)
    expect((await restarted(on)).controller.image.topics.has('a')).toBe(true)
  })
})

describe('changes', () => {
  it('run one at a time, in order of arrival', async () => {
    const on = await startController(await newDisk())
    const answers = await Promise.all([
      on.controller.createTopics(creation([topic('a')])),
      on.controller.createTopics(creation([topic('a')])),
      on.controller.deleteTopics(removal('a')),
      on.controller.deleteTopics(removal('a')),
    ])
    expect(answers.map(([first]) => first?.errorCode)).toEqual([
      0,
      ErrorCode.TOPIC_ALREADY_EXISTS,
      0,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ])
  })

  it('are refused when too many wait', async () => {
    const on: ControllerRig = await startController(await newDisk())
    const waiting = Array.from({ length: limits.metaTransactionsMax }, () =>
      on.controller.createTopics(creation([])),
    )
    await expect(on.controller.deleteTopics(removal('a'))).rejects.toMatchObject({
      code: ErrorCode.REQUEST_TIMED_OUT,
    })
    await Promise.all(waiting)
    expect(await on.controller.createTopics(creation([topic('a')]))).toHaveLength(1)
  })
})
