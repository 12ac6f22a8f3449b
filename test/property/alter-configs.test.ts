/**
 * Random changes of options, good and bad, of resources of every kind. Whatever comes:
 *
 *   - what is refused or only validated changes nothing, what is accepted is in the next image
 *   - everything that is set passes the checks of its kind
 *   - a start anew, after a stop or a power cut, finds exactly what was answered
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import { clientMetricsProblem } from '../../engine/base/config-client-metrics.ts'
import { dynamicConfigProblem } from '../../engine/base/config-dynamic.ts'
import { groupConfigProblem } from '../../engine/base/config-group.ts'
import { topicConfigProblem } from '../../engine/base/topic-config.ts'
import { ConfigResourceType as Type } from '../../engine/metadata/config-resource.ts'
import type { MetadataImage } from '../../engine/metadata/image.ts'
import {
  type ControllerRig,
  creation,
  newDisk,
  restarted,
  startController,
  topic,
} from '../support/controller-rig.ts'

const { config } = parseBrokerConfig(new Map())

const option = fc.constantFrom(
  'cleanup.policy',
  'retention.ms',
  'message.max.bytes',
  'log.retention.ms',
  'log.cleanup.policy',
  'num.io.threads',
  'num.partitions',
  'consumer.session.timeout.ms',
  'interval.ms',
  'metrics',
  'no.such',
  '__proto__',
  '',
)
const value = fc.oneof(
  fc.constantFrom('compact', 'delete', 'compact,delete', '', ' 5 ', 'x', '50000', '1000', '-1'),
  fc.integer({ min: -10, max: 70_000 }).map(String),
  fc.string({ maxLength: 8 }),
)
const change = fc.record({
  name: option,
  configOperation: fc.constantFrom(0, 0, 0, 1, 2, 3, 7),
  value: fc.option(value, { freq: 9 }),
})
const resource = fc.record({
  resourceType: fc.constantFrom(...Object.values(Type), 5),
  resourceName: fc.constantFrom('t', 'u', '', '1', '2', 'configs/cluster', '__proto__', 'ä/…'),
  configs: fc.array(change, { maxLength: 4 }),
  replaces: fc.boolean(),
})
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      resources: fc.array(resource, { maxLength: 5 }),
      validateOnly: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'power cut' as const) },
)

function optionsOf(image: MetadataImage) {
  const topics = new Map([...image.topics].map(([name, { configs }]) => [name, configs]))
  const { dynamicConfigs, groupConfigs, clientMetrics } = image
  return { topics, dynamicConfigs, groupConfigs, clientMetrics }
}

function expectLegal(image: MetadataImage): void {
  const { dynamicConfigs } = image
  for (const { configs } of image.topics.values()) expect(topicConfigProblem(configs)).toBeNull()
  for (const own of image.groupConfigs.values()) expect(groupConfigProblem(config, own)).toBeNull()
  for (const own of image.clientMetrics.values()) expect(clientMetricsProblem(own)).toBeNull()
  for (const level of ['broker', 'cluster'] as const) {
    const problem = dynamicConfigProblem(config, level, dynamicConfigs[level], dynamicConfigs)
    // One level may be legal only because of the other, which can go (as in Kafka).
    if (problem !== null) expect(problem).toMatch(/log\.retention\.ms must be unlimited/)
  }
}

async function start(): Promise<ControllerRig> {
  const rig = await startController(await newDisk())
  await rig.controller.createTopics(creation([topic('t'), topic('u')]))
  return rig
}

it('keeps what it answered, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      let rig = await start()
      for (const next of steps) {
        const before = optionsOf(rig.controller.image)
        if (next === 'restart') rig = await restarted(rig)
        else if (next === 'power cut') rig = await startController(rig.disk.crash(7))
        else {
          const answers = await rig.controller.alterConfigs(next.resources, next.validateOnly)
          expect(answers.length).toBe(next.resources.length)
          const unchanged = next.validateOnly || answers.every(({ errorCode }) => errorCode !== 0)
          if (!unchanged) {
            expectLegal(rig.controller.image)
            continue
          }
        }
        expect(optionsOf(rig.controller.image)).toEqual(before)
      }
    }),
    { numRuns: 150 },
  )
})
