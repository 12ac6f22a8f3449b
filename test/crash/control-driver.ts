/**
 * The operator's and admin clients' part of the driver: one change of control state at a time, with what it
 * will have done told to the world before it is asked for, since power may go in between.
 */
import { ApiError, ErrorCode } from '../../engine/base/errors.ts'
import { ConfigOperation } from '../../engine/coordinator/controller/config-changes.ts'
import { entityKey } from '../../engine/metadata/client-quotas.ts'
import { ConfigResourceType } from '../../engine/metadata/config-resource.ts'
import { OFFSETS_TOPIC } from '../../engine/shard-coordinators.ts'
import type { SeededRandom } from '../support/seeded-random.ts'
import type { SimulatedBroker } from '../support/simulated-broker.ts'
import { type ControlModel, controlText, copyOf, modelOf } from './control-model.ts'
import { type Shape, segmentBytesFor } from './shape.ts'
import type { World } from './world.ts'

const TOPICS = ['t0', 't1', 't2']
const PARTITIONS_MAX = 4

/** Answers that say that what was asked for is gone; never a surprise beside deletions. */
export const GONE: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
])

/** A whole request is refused by an exception; anything else is a failure of the run. */
function codeOf(error: unknown): number {
  if (!(error instanceof ApiError)) throw error
  return error.code
}

export interface ControlDriverParts {
  readonly world: World
  readonly shape: Shape
  broker(): SimulatedBroker
  /** A change is in force. */
  onChanged(): void
  /** An answer with an error; the driver decides whether it may be. */
  surprise(errorCode: number, what: string): void
  /** Something that never may be. */
  complain(what: string): void
}

export class ControlDriver {
  private readonly parts: ControlDriverParts
  private last: Promise<void> = Promise.resolve()
  private model: ControlModel | null = null

  constructor(parts: ControlDriverParts) {
    this.parts = parts
  }

  /** The broker started: its image is the truth. */
  started(): void {
    this.model = modelOf(this.broker.controller.image)
    this.parts.world.control = [controlText(this.model)]
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.last
  }

  private get broker(): SimulatedBroker {
    return this.parts.broker()
  }

  async makeOffsetsTopic(): Promise<void> {
    if (this.model!.topics.has(OFFSETS_TOPIC)) return
    const segmentBytes = this.parts.shape.settings['offsets.topic.segment.bytes'] ?? ''
    const configs = new Map([
      ['cleanup.policy', 'compact'],
      ['compression.type', 'producer'],
      ['segment.bytes', segmentBytes],
    ])
    await this.change(
      (next) => void next.topics.set(OFFSETS_TOPIC, { partitions: 1, configs }),
      async () => {
        await this.broker.controller.ensureInternalTopic(OFFSETS_TOPIC)
        return ErrorCode.NONE
      },
    )
  }

  /** Makes one change at a time; `edit` says what it does when it is answered without an error. */
  private change(edit: (next: ControlModel) => void, ask: () => Promise<number>): Promise<void> {
    const { world } = this.parts
    this.last = this.last.then(async () => {
      const next = copyOf(this.model!)
      edit(next)
      world.control.push(controlText(next))
      const errorCode = await ask().catch(codeOf)
      if (errorCode === ErrorCode.NONE) {
        this.model = next
        world.control = [controlText(next)]
        this.parts.onChanged()
      } else {
        // Refused, or stored and not known to be: both may be found.
        this.parts.surprise(errorCode, 'a control request')
        this.model = modelOf(this.broker.controller.image)
      }
    })
    return this.last
  }

  private drawTopic(random: SeededRandom): string | null {
    const names = [...(this.model?.topics.keys() ?? [])].filter((name) => name !== OFFSETS_TOPIC)
    return names.length === 0 ? null : names[random.int(names.length)]!
  }

  async createTopic(random: SeededRandom): Promise<void> {
    const { shape } = this.parts
    const name = TOPICS[random.int(TOPICS.length)]!
    const partitions = 1 + random.int(2)
    const mode = shape.flushModes[random.int(shape.flushModes.length)]!
    const configs = new Map([...Object.entries(shape.topicOptions), ['sluice.flush.mode', mode]])
    await this.last
    if (this.model!.topics.has(name)) return
    await this.change(
      (next) => void next.topics.set(name, { partitions, configs }),
      async () => {
        const entries = [...configs].map(([key, value]) => ({ name: key, value }))
        const topic = { name, numPartitions: partitions, replicationFactor: 1, assignments: [] }
        const [created] = await this.broker.controller.createTopics({
          topics: [{ ...topic, configs: entries }],
          timeoutMs: 1_000,
          validateOnly: false,
        })
        return created?.errorCode ?? -1
      },
    )
  }

  async deleteTopic(random: SeededRandom): Promise<void> {
    await this.last
    const name = this.drawTopic(random)
    if (name === null) return
    const { world } = this.parts
    const topicId = this.broker.controller.image.topics.get(name)?.topicId
    // From here on the group's positions in it may go; or stay, if it is refused.
    for (const [key, { issued }] of [...world.offsets])
      if (key.split(' ')[1] === topicId) world.offsets.set(key, { acked: 0, durable: 0, issued })
    const removed = this.change(
      (next) => void next.topics.delete(name),
      async () => {
        const [deleted] = await this.broker.controller.deleteTopics({
          topics: [],
          topicNames: [name],
          timeoutMs: 1_000,
        })
        return deleted?.errorCode ?? -1
      },
    )
    if (random.chance(0.7)) await removed
  }

  async growTopic(random: SeededRandom): Promise<void> {
    await this.last
    const name = this.drawTopic(random)
    if (name === null) return
    const count = this.model!.topics.get(name)!.partitions + 1
    if (count > PARTITIONS_MAX) return
    const grown = this.change(
      (next) => {
        const topic = next.topics.get(name)
        if (topic !== undefined) topic.partitions = count
      },
      async () => {
        const [result] = await this.broker.controller.createPartitions({
          topics: [{ name, count, assignments: null }],
          timeoutMs: 1_000,
          validateOnly: false,
        })
        return result?.errorCode ?? -1
      },
    )
    if (random.chance(0.7)) await grown
  }

  async alterTopic(random: SeededRandom): Promise<void> {
    await this.last
    const topic = this.drawTopic(random)
    if (topic === null) return
    const { valueBytesMax } = this.parts.shape
    const mode = random.chance(0.5) ? 'group' : 'async'
    const options: [string, string][] = [
      ['sluice.flush.mode', mode],
      ['retention.bytes', String(600 + random.int(3_000))],
      ['internal.segment.bytes', String(segmentBytesFor(valueBytesMax, random))],
      ['max.message.bytes', String(100_000 + random.int(1_000))],
    ]
    const [name, value] = options[random.int(options.length)]!
    await this.alter(ConfigResourceType.topic, topic, name, value, (next) => {
      next.topics.get(topic)?.configs.set(name, value)
    })
  }

  alterBroker(random: SeededRandom): Promise<void> {
    const value = String(1_000 + random.int(100_000))
    const isCluster = random.chance(0.5)
    const name = 'log.cleaner.delete.retention.ms'
    const node = isCluster ? '' : String(this.broker.controller.image.brokerId)
    return this.alter(ConfigResourceType.broker, node, name, value, (next) => {
      const level = isCluster ? next.cluster : next.broker
      level.set(name, value)
    })
  }

  private alter(
    resourceType: number,
    resourceName: string,
    name: string,
    value: string,
    edit: (next: ControlModel) => void,
  ): Promise<void> {
    const configs = [{ name, value, configOperation: ConfigOperation.set }]
    const resource = { resourceType, resourceName, configs, replaces: false }
    return this.change(edit, async () => {
      const [answer] = await this.broker.controller.alterConfigs([resource], false)
      return answer?.errorCode ?? -1
    })
  }

  alterQuotas(random: SeededRandom): Promise<void> {
    const clientId = `c${random.int(2)}`
    const value = 1_000 + random.int(1_000)
    const remove = random.chance(0.3)
    const key = 'producer_byte_rate'
    const entity = [{ entityType: 'client-id', entityName: clientId }]
    return this.change(
      (next) => {
        const text = entityKey({ clientId })
        const values = next.quotas.get(text) ?? new Map<string, number>()
        if (remove) values.delete(key)
        else values.set(key, value)
        next.quotas.set(text, values)
      },
      async () => {
        const [answer] = await this.broker.controller.alterClientQuotas({
          entries: [{ entity, ops: [{ key, value, remove }] }],
          validateOnly: false,
        })
        return answer?.errorCode ?? -1
      },
    )
  }

  async allocate(random: SeededRandom): Promise<void> {
    const { world } = this.parts
    const count = 1 + random.int(1_000)
    const block = await this.broker.controller.allocateProducerIds(count)
    if (block.firstProducerId < world.producerIdEnd)
      this.parts.complain(`producer id ${block.firstProducerId} was given out before`)
    world.producerIdEnd = block.firstProducerId + block.count
  }
}
