/** The members of test/live, which end whenever a lane wants them to. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { KafkaAdmin } from '../clients/kafka-admin.ts'
import { PlatformaticMember } from '../live/readers.ts'
import { Recorder } from '../live/recorder.ts'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'

/** Where the client tells of its group's requests. */
const GROUP_CALLS = 'tracing:plt:kafka:consumer:group:start'

describe('a member of @platformatic/kafka', () => {
  let broker: BrokerProcess

  beforeAll(async () => {
    broker = await startBroker({ overrides: { 'group.initial.rebalance.delay.ms': '0' } })
  })

  afterAll(async () => {
    await broker.discard()
  })

  it('ends without an error outside of its calls when that is asked between joining and its stream', async () => {
    const topic = 'members'
    const closings: (() => unknown)[] = []
    const lane = { address: broker.address, defer: (close: () => unknown) => closings.push(close) }
    await new KafkaAdmin(lane).createTopic(topic, 1)
    for (const close of closings) await close()
    const outside: unknown[] = []
    const note = (error: unknown): number => outside.push(error)
    const member = new PlatformaticMember(broker.address, new Recorder(topic, 1), 'members')
    let stopped: Promise<void> | undefined
    const stop = (told: unknown): void => {
      if ((told as { operation: string }).operation === 'syncGroup') stopped ??= member.stop()
    }
    process.on('uncaughtExceptionMonitor', note)
    subscribe(GROUP_CALLS, stop)
    try {
      member.start()
      await vi.waitUntil(() => stopped !== undefined, { timeout: 20_000 })
      await stopped
    } finally {
      unsubscribe(GROUP_CALLS, stop)
      process.off('uncaughtExceptionMonitor', note)
    }
    expect(outside).toEqual([])
  })
})
