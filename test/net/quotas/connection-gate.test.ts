import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { TimerWheel } from '../../../engine/base/timer-wheel.ts'
import { type ClientQuotas, entityKey } from '../../../engine/metadata/client-quotas.ts'
import {
  ConnectionCounts,
  connectionCountsMemory,
  NO_PLACE,
} from '../../../net/quotas/connection-counts.ts'
import type { ConnectionGate, ConnectionSettings } from '../../../net/quotas/connection-gate.ts'
import { ManualClock, MemoryLogger } from '../../support/connection-rig.ts'
import { testGate } from '../../support/test-gate.ts'

class FakeSocket extends EventEmitter {
  destroyed = false
  destroy(): void {
    this.destroyed = true
  }
}

interface Rig {
  readonly gate: ConnectionGate
  readonly counts: ConnectionCounts
  readonly logger: MemoryLogger
  /** What became of the arrivals, in the order it did. */
  readonly said: string[]
  arrive(name: string, address?: string): FakeSocket
  pass(ms: number): void
}

const gates: ConnectionGate[] = []
afterEach(() => {
  for (const gate of gates.splice(0)) gate.close()
})

function rig(settings: Partial<ConnectionSettings>): Rig {
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock.nowMs, 5)
  const logger = new MemoryLogger()
  const counts = new ConnectionCounts(connectionCountsMemory(256))
  const gate = testGate(settings, { clock, wheel, logger, counts })
  gates.push(gate)
  const said: string[] = []
  return {
    gate,
    counts,
    logger,
    said,
    arrive(name, address = '10.0.0.1') {
      const socket = new FakeSocket()
      gate.arrive({
        socket: socket as unknown as Socket,
        address,
        open: () => said.push(`${name} open`),
        refused: () => said.push(`${name} refused`),
      })
      return socket
    },
    pass(ms) {
      clock.nowMs += ms
      wheel.advance(clock.nowMs)
    },
  }
}

function perSecond(rate: number, ip: string | null): ClientQuotas {
  const entity = { ip }
  return new Map([
    [entityKey(entity), { entity, values: new Map([['connection_creation_rate', rate]]) }],
  ])
}

describe('the gate', () => {
  it('lets everybody in where nothing is limited, and counts them', () => {
    const { arrive, said, counts, gate } = rig({})
    for (const name of ['a', 'b']) arrive(name)
    expect(said).toEqual(['a open', 'b open'])
    expect([counts.all, counts.of('10.0.0.1')]).toEqual([2, 2])
    gate.leave('10.0.0.1')
    expect([counts.all, counts.of('10.0.0.1')]).toEqual([1, 1])
  })

  it('closes what is above max.connections, until one leaves', () => {
    const { arrive, said, gate } = rig({ maxConnections: 2 })
    arrive('a', '10.0.0.1')
    arrive('b', '10.0.0.2')
    expect(arrive('c', '10.0.0.3').destroyed).toBe(true)
    gate.leave('10.0.0.1')
    arrive('d', '10.0.0.3')
    expect(said).toEqual(['a open', 'b open', 'c refused', 'd open'])
  })

  it('closes what is above the number of its address, which some have for themselves', () => {
    const { arrive, said } = rig({
      maxConnectionsPerIp: 1,
      maxConnectionsPerIpOverrides: '10.0.0.2:2, ::1:0',
    })
    for (const name of ['a', 'b']) arrive(name, '10.0.0.1')
    for (const name of ['c', 'd', 'e']) arrive(name, '10.0.0.2')
    arrive('f', '::1')
    expect(said).toEqual(['a open', 'b refused', 'c open', 'd open', 'e refused', 'f refused'])
  })

  it('lets connections in one behind the other at the rate of the broker', () => {
    const { arrive, said, pass, gate } = rig({ maxConnectionCreationRate: 1 })
    const names = Array.from({ length: 14 }, (_, i) => `${i}`)
    for (const name of names) arrive(name)
    // Ten in ten seconds are within the rate; the others wait, each a window at most.
    expect(said.length).toBe(10)
    expect(gate.held).toBe(4)
    pass(990)
    expect(said.length).toBe(10)
    for (let i = 0; i < 4; i++) pass(1_010)
    expect(said).toEqual(names.map((name) => `${name} open`))
    expect(gate.held).toBe(0)
  })

  it('holds what an address opens above its rate and closes it then, uncounted', async () => {
    const { arrive, said, pass, gate, counts } = rig({})
    await gate.apply(perSecond(1, '10.0.0.1'))
    for (let i = 0; i < 10; i++) arrive(`${i}`)
    const over = arrive('over')
    arrive('elsewhere', '10.0.0.2')
    expect(said.slice(10)).toEqual(['elsewhere open'])
    expect(over.destroyed).toBe(false)
    pass(1_005)
    expect(over.destroyed).toBe(true)
    expect(said.slice(10)).toEqual(['elsewhere open', 'over refused'])
    expect(counts.all).toBe(11)
    pass(12_000)
    arrive('later')
    expect(said.at(-1)).toBe('later open')
  })

  it('knows addresses by host name and in any form of writing', async () => {
    const { arrive, said, gate, logger } = rig({})
    await gate.apply(
      new Map([
        ...perSecond(1, 'localhost'),
        ...perSecond(1, '0:0:0:0:0:0:0:5'),
        ...perSecond(1, 'no.such.invalid'),
      ]),
    )
    expect(logger.lines).toEqual([
      expect.stringMatching(/limit of no\.such\.invalid has no effect/),
    ])
    for (let i = 0; i < 11; i++) {
      arrive(`local ${i}`, '127.0.0.1')
      arrive(`six ${i}`, '::5')
      arrive(`other ${i}`, '10.0.0.9')
    }
    const open = (who: string) =>
      said.filter((line) => line.startsWith(who) && line.endsWith('open'))
    expect([open('local').length + open('other').length, open('six').length]).toEqual([21, 10])
  })

  it('gives up whoever waits when it closes', () => {
    const { arrive, gate, said } = rig({ maxConnectionCreationRate: 1 })
    const sockets = Array.from({ length: 12 }, (_, i) => arrive(`${i}`))
    gate.close()
    expect(sockets.filter(({ destroyed }) => destroyed).length).toBe(2)
    expect(said.length).toBe(10)
    expect(gate.held).toBe(0)
  })
})

describe('counts of connections', () => {
  it('are one for all threads, and hand the place of an address that left to another', () => {
    const memory = connectionCountsMemory(2)
    const [one, other] = [new ConnectionCounts(memory), new ConnectionCounts(memory)]
    expect(one.enter('a', 9)).toBe(0)
    expect(other.enter('a', 9)).toBe(1)
    expect(other.enter('b', 9)).toBe(0)
    expect(one.enter('c', 9)).toBe(NO_PLACE)
    other.leave('b')
    expect(one.enter('c', 9)).toBe(0)
    expect([one.of('a'), one.of('b'), other.of('c'), one.all]).toEqual([2, 0, 1, 3])
  })

  it('do not go above the number allowed', () => {
    const counts = new ConnectionCounts(connectionCountsMemory(8))
    expect([counts.enter('a', 1), counts.enter('a', 1), counts.all]).toEqual([0, 1, 1])
  })
})
