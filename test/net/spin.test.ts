import { expect, test } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import { Spin } from '../../net/spin.ts'
import type { TurnPart } from '../../net/turn.ts'

const spinWord = (): Int32Array => new Int32Array(new SharedArrayBuffer(4))

const SPIN_MS = 0.05
const { spinTurnsMin, spinTurnsMax, spinCycleMsMax, spinsPerMiss } = limits

/** A thread whose clients answer when the test says so. */
class Loop {
  nowMs = 1_000
  pending = false
  /** Looks at the sockets that a spin asked for. */
  looks = 0
  /** What it takes to be woken, and what to be awake costs the client. */
  wakeMs = 0.06
  awakeMs = 0
  readonly spin: Spin
  private next: (() => void) | null = null

  constructor(busy = spinWord(), spinMs = SPIN_MS) {
    this.spin = new Spin({
      busy,
      spinMs,
      nowMs: () => this.nowMs,
      afterPoll: (run) => {
        this.looks++
        this.next = run
      },
    })
    this.spin.follow(() => this.pending)
  }

  /** One round of the loop; false: nothing waits for it. */
  poll(tookMs: number): boolean {
    const { next } = this
    this.next = null
    this.nowMs += tookMs
    next?.()
    return next !== null
  }

  /** A turn for `client` ends, and its next request comes so much later; was it caught awake? */
  turn(client: TurnPart | null, backAfterMs: number): boolean {
    this.spin.rest(client)
    const backMs = this.nowMs + backAfterMs
    const stepMs = SPIN_MS / 10
    let awake = this.next !== null
    while (awake && this.nowMs < backMs) awake = this.poll(stepMs) && this.next !== null
    this.nowMs = Math.max(this.nowMs, backMs) + (awake ? this.awakeMs : this.wakeMs)
    if (!awake) return false
    this.pending = true
    this.poll(0)
    this.pending = false
    return true
  }

  /** Turns in time until one is caught awake, or `most` of them. */
  turnsToOpen(client: TurnPart, most = 2 * spinTurnsMax): number {
    for (let turns = 1; turns <= most; turns++) if (this.turn(client, SPIN_MS / 2)) return turns
    return Number.POSITIVE_INFINITY
  }
}

const part = (): TurnPart => ({ touched: false, endTurn() {} })

test('one client that is back at once is waited for awake, from the stated turn on', () => {
  const loop = new Loop()
  const client = part()
  // The first turn tells who it is, the second begins a cycle.
  expect(loop.turnsToOpen(client)).toBe(spinTurnsMin + 2)
  for (let turn = 0; turn < 100; turn++) expect(loop.turn(client, SPIN_MS / 2)).toBe(true)
})

test('nothing is looked at for clients that take turns, for several at once, and for slow ones', () => {
  const loop = new Loop()
  const [one, other] = [part(), part()]
  for (let turn = 0; turn < 100; turn++) {
    loop.turn(one, SPIN_MS / 2)
    loop.turn(other, SPIN_MS / 2)
  }
  for (let turn = 0; turn < 100; turn++) loop.turn(null, SPIN_MS / 2)
  for (let turn = 0; turn < 100; turn++) loop.turn(one, spinCycleMsMax + 0.01)
  expect(loop.looks).toBe(0)
})

test('a spin ends after its time; in vain, the next opening takes twice as many turns', () => {
  const loop = new Loop()
  const client = part()
  // In time for the cycle, too late for a spin.
  const late = SPIN_MS * 2
  const counts: number[] = []
  for (let opening = 0; opening < 3; opening++) {
    const before = loop.looks
    let turns = 0
    while (loop.looks === before) {
      turns++
      expect(loop.turn(client, late)).toBe(false)
    }
    counts.push(turns)
    expect(loop.poll(0)).toBe(false)
  }
  expect(counts).toEqual([spinTurnsMin + 2, 2 * spinTurnsMin, 4 * spinTurnsMin])
})

test('requests that need no turn keep it awake, and count as caught', () => {
  const loop = new Loop()
  const client = part()
  loop.turnsToOpen(client)
  loop.spin.rest(client)
  for (let request = 0; request < 100; request++) {
    expect(loop.poll(SPIN_MS / 5)).toBe(true)
    loop.spin.rest(client)
  }
  expect(loop.poll(SPIN_MS / 5)).toBe(true)
  expect(loop.poll(SPIN_MS)).toBe(true)
  expect(loop.poll(0)).toBe(false)
})

test('a client that pauses now and then is waited for again; one that is gone is not', () => {
  const loop = new Loop()
  const client = part()
  loop.turnsToOpen(client)
  for (let turn = 0; turn < spinsPerMiss; turn++) loop.turn(client, SPIN_MS / 2)
  expect(loop.turn(client, 5)).toBe(false)
  expect(loop.turn(client, SPIN_MS / 2)).toBe(true)
  expect(loop.turn(client, 5)).toBe(false)
  expect(loop.turn(client, SPIN_MS / 2)).toBe(false)
  expect(loop.poll(0)).toBe(false)
})

test('after good company the gate opens as soon as at first', () => {
  const loop = new Loop()
  const client = part()
  loop.turnsToOpen(client)
  for (let turn = 0; turn < spinTurnsMin; turn++) loop.turn(client, SPIN_MS / 2)
  expect(loop.turn(null, SPIN_MS / 2)).toBe(false)
  expect(loop.turnsToOpen(client)).toBeLessThanOrEqual(spinTurnsMin + 2)
})

test('where sleep costs nothing it is left at that', () => {
  const loop = new Loop()
  loop.wakeMs = 0
  expect(loop.turnsToOpen(part(), 1_000)).toBe(Number.POSITIVE_INFINITY)
  expect(loop.looks).toBe(0)
})

test('turns that come no faster than with sleeps end it, and the next trial is farther', () => {
  const loop = new Loop()
  loop.awakeMs = loop.wakeMs
  const client = part()
  const counts: [number, number][] = []
  for (let trial = 0; trial < 3; trial++) {
    const asleep = loop.turnsToOpen(client)
    let awake = 1
    while (loop.turn(client, SPIN_MS / 2)) awake++
    counts.push([asleep, awake])
  }
  const { spinTrialTurns } = limits
  expect(counts.map(([, awake]) => awake)).toEqual([spinTrialTurns, spinTrialTurns, spinTrialTurns])
  expect(counts[1]![0]).toBeGreaterThan(1.5 * counts[0]![0])
  expect(counts[2]![0]).toBeGreaterThan(1.5 * counts[1]![0])
})

test('after many good trials it sleeps for as short as at first, to measure that anew', () => {
  const loop = new Loop()
  const client = part()
  loop.turnsToOpen(client)
  let awake = 1
  while (loop.turn(client, SPIN_MS / 2)) awake++
  expect(awake).toBe(limits.spinTrialTurns * limits.spinTrialsMax)
  expect(loop.turnsToOpen(client)).toBeLessThanOrEqual(spinTurnsMin)
})

test('one thread at a time', () => {
  const memory = spinWord()
  const [one, other] = [new Loop(memory), new Loop(memory)]
  const [client, neighbour] = [part(), part()]
  one.turnsToOpen(client)
  one.spin.rest(client)
  expect(other.turnsToOpen(neighbour, 100)).toBe(Number.POSITIVE_INFINITY)
  while (one.poll(SPIN_MS)) {}
  expect(other.turnsToOpen(neighbour)).toBeLessThan(Number.POSITIVE_INFINITY)
})

test('with 0 it never spins', () => {
  const loop = new Loop(spinWord(), 0)
  expect(loop.turnsToOpen(part(), 100)).toBe(Number.POSITIVE_INFINITY)
  expect(loop.looks).toBe(0)
})
