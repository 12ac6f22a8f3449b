/**
 * Who may connect to one shard (KIP-308, KIP-612; Kafka's ConnectionQuotas). In Kafka's order:
 *
 *   1 max.connections             at the bound a new connection is closed
 *   2 max.connection.creation.rate   over it connections wait their turn, one behind the other, each
 *                                 as long as the rate asks for, one window at most
 *   3 connection_creation_rate    over the rate of its address a connection is not counted, held for
 *                                 as long as the rate asks for, one window at most, and closed
 *   4 max.connections.per.ip, max.connections.per.ip.overrides   at the bound it is closed
 *
 * Counts and rates are of the whole broker (connection-counts.ts, rate-table.ts). Settings are read as
 * they are in force; without rates an arrival costs two comparisons and a count. Host names among the
 * settings are looked up when they change; one that names no address has no effect, with a warning.
 *
 * differs from Kafka: at max.connections a connection is closed, where Kafka leaves it unaccepted. Held
 * ones are at most limits.connectionsHeldMax in a shard; further ones are closed at once.
 */
import { isIP, type Socket } from 'node:net'
import { limits } from '../../engine/base/limits.ts'
import type { Logger } from '../../engine/base/logger.ts'
import { Timer, type TimerWheel } from '../../engine/base/timer-wheel.ts'
import {
  type ClientQuotas,
  CONNECTION_CREATION_RATE,
  connectionRateOf,
  hasQuota,
  NO_CLIENT_QUOTAS,
} from '../../engine/metadata/client-quotas.ts'
import { lookupName } from '../name-lookup.ts'
import { type ConnectionCounts, NO_PLACE } from './connection-counts.ts'
import type { RateTable } from './rate-table.ts'

/** What the configuration says, as it is in force. */
export interface ConnectionSettings {
  readonly maxConnections: number
  readonly maxConnectionsPerIp: number
  /** host:count, … */
  readonly maxConnectionsPerIpOverrides: string
  readonly maxConnectionCreationRate: number
}

export interface GateParts {
  readonly settings: () => ConnectionSettings
  readonly counts: ConnectionCounts
  readonly rates: RateTable
  /** A clock that all threads share. */
  readonly nowMs: () => number
  readonly wheel: TimerWheel
  /** The wheel's clock. */
  readonly wheelMs: () => number
  readonly logger: Logger
}

/** One that wants in. */
export interface Arrival {
  readonly socket: Socket
  readonly address: string
  /** It is in and counted; `leave` is due when it ends. */
  open(): void
  /** It is not; the socket is destroyed by the gate. */
  refused(why: string): void
}

/** Int.MAX_VALUE: no limit. */
const UNLIMITED = 2 ** 31 - 1
const ALL_CONNECTIONS = 'connections'

export class ConnectionGate {
  private readonly parts: GateParts
  private quotas: ClientQuotas = NO_CLIENT_QUOTAS
  private limitsAddresses = false
  /** Addresses of host names, and of addresses written another way. */
  private hosts = new Map<string, string>()
  private lookedUp = ''
  private overridesText = ''
  private overrides = new Map<string, number>()
  /** Waiting for their turn, first come first. */
  private readonly queue: Arrival[] = []
  private readonly turnTimer = new Timer(() => this.letHeadIn())
  /** Of an address over its rate, until they are closed. */
  private readonly closing = new Map<Socket, Timer>()

  constructor(parts: GateParts) {
    this.parts = parts
  }

  /** Sockets held back now. */
  get held(): number {
    return this.queue.length + this.closing.size
  }

  /** These quotas hold from now on; resolves when their host names are looked up. */
  async apply(quotas: ClientQuotas): Promise<void> {
    this.quotas = quotas
    this.limitsAddresses = hasQuota(quotas, CONNECTION_CREATION_RATE)
    await this.lookUpHosts()
  }

  arrive(arrival: Arrival): void {
    const settings = this.parts.settings()
    if (settings.maxConnectionsPerIpOverrides !== this.overridesText)
      this.readOverrides(settings.maxConnectionsPerIpOverrides)
    const { maxConnections, maxConnectionCreationRate } = settings
    if (this.parts.counts.all + this.queue.length >= maxConnections)
      this.refuse(arrival, `${maxConnections} are open; raise max.connections if they are wanted`)
    else if (maxConnectionCreationRate >= UNLIMITED && this.queue.length === 0) this.enter(arrival)
    else if (this.held >= limits.connectionsHeldMax) this.refuse(arrival, TOO_MANY_HELD)
    else {
      arrival.socket.on('error', () => {})
      this.queue.push(arrival)
      if (this.queue.length === 1) this.nextTurn()
    }
  }

  /** A connection that was opened is gone. */
  leave(address: string): void {
    this.parts.counts.leave(address)
  }

  /** Nobody waits any more. */
  close(): void {
    this.turnTimer.cancel()
    for (const { socket } of this.queue.splice(0)) socket.destroy()
    for (const [socket, timer] of this.closing) {
      timer.cancel()
      socket.destroy()
    }
    this.closing.clear()
  }

  /** Counts the head of the queue; it goes in now or when the rate allows. */
  private nextTurn(): void {
    const { wheel, wheelMs } = this.parts
    while (this.queue.length > 0) {
      const waitMs = this.creationDelayMs()
      if (waitMs > 0) {
        wheel.arm(this.turnTimer, wheelMs() + waitMs)
        return
      }
      this.enterHead()
    }
  }

  private letHeadIn(): void {
    this.enterHead()
    this.nextTurn()
  }

  private enterHead(): void {
    const head = this.queue.shift()
    if (head !== undefined) this.enter(head)
  }

  private creationDelayMs(): number {
    const { rates, nowMs, settings } = this.parts
    const { maxConnectionCreationRate } = settings()
    if (maxConnectionCreationRate >= UNLIMITED) return 0
    const now = nowMs()
    const handle = rates.handle(ALL_CONNECTIONS, now)
    return bounded(rates.record(handle, 1, maxConnectionCreationRate, now), rates)
  }

  private enter(arrival: Arrival): void {
    const { socket, address } = arrival
    if (socket.destroyed) return
    const closeMs = this.limitsAddresses ? this.addressDelayMs(address) : 0
    if (closeMs > 0) {
      this.closeLater(arrival, closeMs)
      return
    }
    const max = this.maxOf(address)
    const before = this.parts.counts.enter(address, max)
    if (before === NO_PLACE)
      this.refuse(arrival, 'there are connections from too many addresses to count')
    else if (before >= max)
      this.refuse(arrival, `${max} from there are open; raise max.connections.per.ip if wanted`)
    else arrival.open()
  }

  private addressDelayMs(address: string): number {
    const { rates, nowMs } = this.parts
    const rate = connectionRateOf(this.quotas, address, this.hosts)
    if (rate === null) return 0
    const now = nowMs()
    const handle = rates.handle(`ip ${address}`, now)
    const delayMs = bounded(rates.record(handle, 1, rate, now), rates)
    // What is not let in does not count.
    if (delayMs > 0) rates.unrecord(handle, 1, now)
    return delayMs
  }

  private closeLater(arrival: Arrival, delayMs: number): void {
    if (this.held >= limits.connectionsHeldMax) {
      this.refuse(arrival, TOO_MANY_HELD)
      return
    }
    const { socket } = arrival
    socket.on('error', () => {})
    const timer = new Timer(() => {
      this.closing.delete(socket)
      this.refuse(arrival, 'its address is over its connection_creation_rate')
    })
    this.closing.set(socket, timer)
    this.parts.wheel.arm(timer, this.parts.wheelMs() + delayMs)
  }

  private refuse(arrival: Arrival, why: string): void {
    arrival.refused(why)
    arrival.socket.destroy()
  }

  private maxOf(address: string): number {
    const own = this.overrides.get(address)
    if (own !== undefined) return own
    for (const [host, itsAddress] of this.hosts) {
      const max = itsAddress === address ? this.overrides.get(host) : undefined
      if (max !== undefined) return max
    }
    return this.parts.settings().maxConnectionsPerIp
  }

  private readOverrides(text: string): void {
    this.overridesText = text
    this.overrides = new Map(
      text
        .split(',')
        .filter((entry) => entry.trim() !== '')
        .map((entry) => {
          const colon = entry.lastIndexOf(':')
          return [entry.slice(0, colon).trim(), Number(entry.slice(colon + 1))]
        }),
    )
    void this.lookUpHosts()
  }

  private async lookUpHosts(): Promise<void> {
    const names = new Set(this.overrides.keys())
    for (const { entity } of this.quotas.values())
      if (typeof entity.ip === 'string') names.add(entity.ip)
    const hosts = [...names].filter((name) => plainAddress(name) !== name)
    // Images come with every change of anything.
    const asked = hosts.join()
    if (asked === this.lookedUp) return
    this.lookedUp = asked
    const found = await Promise.allSettled(
      hosts.slice(0, limits.hostLookupsMax).map(async (host) => {
        const plain = plainAddress(host)
        return plain ?? (await lookupName(host)).address
      }),
    )
    // Another change may have been looked up meanwhile.
    if (this.lookedUp !== asked) return
    this.hosts = new Map()
    hosts.forEach((host, at) => {
      const outcome = found[at]
      if (outcome?.status === 'fulfilled') this.hosts.set(host, outcome.value)
      else
        this.parts.logger.warn(
          `the connection limit of ${host} has no effect: ` +
            `${outcome === undefined ? 'too many host names' : outcome.reason}; use its address`,
        )
    })
  }
}

const TOO_MANY_HELD = 'too many wait for the connection rate already'

/** As sockets tell it; null for a host name. */
function plainAddress(name: string): string | null {
  const family = isIP(name)
  if (family === 6) return new URL(`http://[${name}]`).hostname.slice(1, -1)
  return family === 4 ? name : null
}

function bounded(delayMs: number, { window }: RateTable): number {
  return Math.min(delayMs, window.windowMs)
}
