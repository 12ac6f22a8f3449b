/**
 * Options changed at run time: stored, published, kept over restarts. What is refused, and in which
 * words, is compared with a real Kafka in test/golden-data/admin-answers.test.ts.
 */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import { limits } from '../../../../engine/base/limits.ts'
import {
  ConfigOperation,
  type ResourceChanges,
} from '../../../../engine/coordinator/controller/config-changes.ts'
import { ConfigResourceType as Type } from '../../../../engine/metadata/config-resource.ts'
import { MemoryLogger } from '../../../support/connection-rig.ts'
import {
  type ControllerRig,
  creation,
  newDisk,
  restarted,
  startController,
  topic,
} from '../../../support/controller-rig.ts'

function set(
  resourceType: number,
  resourceName: string,
  values: Readonly<Record<string, string>>,
  replaces = false,
): ResourceChanges {
  const configs = Object.entries(values).map(([name, value]) => ({
    name,
    configOperation: ConfigOperation.set as number,
    value,
  }))
  return { resourceType, resourceName, configs, replaces }
}

function remove(resourceType: number, resourceName: string, ...names: string[]): ResourceChanges {
  const configs = names.map((name) => ({
    name,
    configOperation: ConfigOperation.delete as number,
    value: null,
  }))
  return { resourceType, resourceName, configs, replaces: false }
}

async function rigWithTopic(logger = new MemoryLogger()): Promise<ControllerRig> {
  const rig = await startController(await newDisk(), {}, logger)
  await rig.controller.createTopics(creation([topic('t', { numPartitions: 2 })]))
  return rig
}

async function alter(rig: ControllerRig, ...changes: ResourceChanges[]): Promise<number[]> {
  const answers = await rig.controller.alterConfigs(changes, false)
  return answers.map(({ errorCode }) => errorCode)
}

const everywhere = [
  set(Type.topic, 't', { 'retention.ms': '7' }),
  set(Type.broker, '', { 'message.max.bytes': '70' }),
  set(Type.broker, '1', { 'message.max.bytes': '80' }),
  set(Type.group, 'readers', { 'consumer.session.timeout.ms': '50000' }),
  set(Type.clientMetrics, 'all', { 'interval.ms': '1000' }),
]

function optionsOf({ controller }: ControllerRig) {
  const { topics, dynamicConfigs, groupConfigs, clientMetrics } = controller.image
  return { topic: topics.get('t')?.configs, dynamicConfigs, groupConfigs, clientMetrics }
}

describe('options of every kind of resource', () => {
  it('come with one image and outlive a restart', async () => {
    const rig = await rigWithTopic()
    const images = rig.images.length
    expect(await alter(rig, ...everywhere)).toEqual([0, 0, 0, 0, 0])
    expect(rig.images.length).toBe(images + 1)
    const expected = {
      topic: new Map([['retention.ms', '7']]),
      dynamicConfigs: {
        cluster: new Map([['message.max.bytes', '70']]),
        broker: new Map([['message.max.bytes', '80']]),
      },
      groupConfigs: new Map([['readers', new Map([['consumer.session.timeout.ms', '50000']])]]),
      clientMetrics: new Map([['all', new Map([['interval.ms', '1000']])]]),
    }
    expect(optionsOf(rig)).toEqual(expected)
    expect(rig.images.at(-1)).toBe(rig.controller.image)
    expect(optionsOf(await restarted(rig))).toEqual(expected)
  })

  it('are gone without a trace once deleted', async () => {
    const rig = await rigWithTopic()
    await alter(rig, ...everywhere)
    const codes = await alter(
      rig,
      ...everywhere.map(({ resourceType, resourceName, configs }) =>
        remove(resourceType, resourceName, ...configs.map(({ name }) => name)),
      ),
    )
    expect(codes).toEqual([0, 0, 0, 0, 0])
    expect(await rig.store.range('configs/')).toEqual([])
    const nothing = {
      topic: new Map(),
      dynamicConfigs: { cluster: new Map(), broker: new Map() },
      groupConfigs: new Map(),
      clientMetrics: new Map(),
    }
    expect(optionsOf(rig)).toEqual(nothing)
    expect(optionsOf(await restarted(rig))).toEqual(nothing)
  })

  it('of a topic go with it and are not those of one created anew', async () => {
    const rig = await rigWithTopic()
    await alter(rig, everywhere[0]!)
    await rig.controller.deleteTopics({ topics: [], topicNames: ['t'], timeoutMs: 1_000 })
    await rig.controller.createTopics(creation([topic('t')]))
    expect(optionsOf(rig).topic).toEqual(new Map())
  })

  it('replaced as a whole keep nothing from before', async () => {
    const rig = await rigWithTopic()
    await alter(rig, set(Type.topic, 't', { 'retention.ms': '7', 'flush.ms': '8' }))
    await alter(rig, set(Type.topic, 't', { 'flush.ms': '9' }, true))
    expect(optionsOf(rig).topic).toEqual(new Map([['flush.ms', '9']]))
  })
})

describe('nothing changes', () => {
  it('for a resource with one bad value, while the others of the request do', async () => {
    const rig = await rigWithTopic()
    const codes = await alter(
      rig,
      set(Type.topic, 't', { 'flush.ms': '5', 'retention.ms': 'long' }),
      set(Type.broker, '', { 'message.max.bytes': '-1' }),
      set(Type.group, 'g', { 'consumer.session.timeout.ms': '50000' }),
    )
    expect(codes).toEqual([ErrorCode.INVALID_CONFIG, ErrorCode.INVALID_REQUEST, 0])
    expect(optionsOf(rig)).toMatchObject({
      topic: new Map(),
      dynamicConfigs: { cluster: new Map() },
    })
    expect(rig.controller.image.groupConfigs.size).toBe(1)
  })

  it('when only asked whether it would be possible', async () => {
    const rig = await rigWithTopic()
    const { image } = rig.controller
    const answers = await rig.controller.alterConfigs(everywhere, true)
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0, 0, 0])
    expect(rig.controller.image).toBe(image)
    expect(await rig.store.range('configs/')).toEqual([])
  })

  it('and no image is published, when everything is set already', async () => {
    const rig = await rigWithTopic()
    await alter(rig, ...everywhere)
    const { image } = rig.controller
    expect(await alter(rig, ...everywhere)).toEqual([0, 0, 0, 0, 0])
    expect(rig.controller.image).toBe(image)
  })

  it('when it cannot be stored', async () => {
    const rig = await rigWithTopic()
    const { image } = rig.controller
    rig.disk.inject({
      at: 1,
      operation: 'write',
      path: /./,
      fault: { kind: 'error', code: 'ENOSPC' },
    })
    await expect(rig.controller.alterConfigs(everywhere, false)).rejects.toMatchObject({
      code: ErrorCode.KAFKA_STORAGE_ERROR,
    })
    expect(rig.controller.image).toBe(image)
  })
})

describe('bounds and notices', () => {
  it('refuses more options of one resource than are kept', async () => {
    const rig = await rigWithTopic()
    const many = Object.fromEntries(
      Array.from({ length: limits.configEntriesMax }, (_, index) => [`plugin.${index}`, 'x']),
    )
    expect(await alter(rig, set(Type.broker, '', many))).toEqual([0])
    const [answer] = await rig.controller.alterConfigs(
      [set(Type.broker, '', { 'plugin.more': 'x' })],
      false,
    )
    expect(answer?.errorCode).toBe(ErrorCode.POLICY_VIOLATION)
    expect(rig.controller.image.dynamicConfigs.cluster.size).toBe(limits.configEntriesMax)
  })

  it('refuses a list that outgrows a string of the protocol', async () => {
    const rig = await rigWithTopic()
    const name = 'leader.replication.throttled.replicas'
    const half = Array.from({ length: 4_000 }, (_, index) => `${index}:1`).join(',')
    await alter(rig, set(Type.topic, 't', { [name]: half }))
    const rest = Array.from({ length: 4_000 }, (_, index) => `${index + 4_000}:1`).join(',')
    const append = { name, configOperation: ConfigOperation.append, value: rest }
    const [answer] = await rig.controller.alterConfigs(
      [{ resourceType: Type.topic, resourceName: 't', configs: [append], replaces: false }],
      false,
    )
    expect(answer).toMatchObject({
      errorCode: ErrorCode.INVALID_CONFIG,
      errorMessage: expect.stringMatching(/maximum value size of 32767 bytes/),
    })
  })

  it('says once, in the log, that an option for brokers has no effect', async () => {
    const logger = new MemoryLogger()
    const rig = await rigWithTopic(logger)
    await alter(rig, set(Type.broker, '', { 'num.io.threads': '9', 'message.max.byte': '1' }))
    await alter(rig, set(Type.broker, '', { 'num.io.threads': '9' }))
    expect(logger.lines).toEqual([
      expect.stringMatching(/num.io.threads was set at run time and has no effect/),
      expect.stringMatching(/message.max.byte .* did you mean message.max.bytes\?/),
    ])
  })
})

describe('features', () => {
  const lower = { feature: 'metadata.version', maxVersionLevel: 28, allowDowngrade: false }
  const request = (upgradeType: number, validateOnly = false) => ({
    timeoutMs: 1_000,
    featureUpdates: [{ ...lower, upgradeType }],
    validateOnly,
  })

  it('keep their levels over restarts', async () => {
    const rig = await startController(await newDisk())
    expect(await rig.controller.updateFeatures(request(2))).toMatchObject({ errorCode: 0 })
    expect(rig.controller.image.features).toEqual(new Map([['metadata.version', 28]]))
    const { controller } = await restarted(rig)
    expect(controller.image.features).toEqual(new Map([['metadata.version', 28]]))
  })

  it('stay as they are when refused or only validated', async () => {
    const rig = await startController(await newDisk())
    const refused = await rig.controller.updateFeatures(request(1))
    expect(refused.errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION)
    expect(await rig.controller.updateFeatures(request(2, true))).toMatchObject({ errorCode: 0 })
    expect(rig.controller.image.features).toEqual(new Map())
    expect(rig.images).toEqual([])
  })
})
