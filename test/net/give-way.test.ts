import { expect, test } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import { GiveWay } from '../../net/give-way.ts'
import type { TurnPart } from '../../net/turn.ts'

const {
  giveWayTurnsMin,
  giveWayTurnsMax,
  giveWayCycleMsMax,
  giveWayAloneMax,
  giveWayLooks,
  giveWayMsMax,
  giveWayCreditMax,
  giveWayPerMiss,
} = limits

const QUICK_MS = giveWayCycleMsMax / 10

/** A thread beside clients that use the processor as the test says. */
class Loop {
  nowMs = 1_000
  /** Times that the processor was given away. */
  given = 0
  /** How long the others keep it. */
  keptMs = 0.02
  private pending = false
  private next: (() => void) | null = null
  readonly rest: GiveWay

  constructor(native = true, trials = new Int32Array(new SharedArrayBuffer(4))) {
    const giveWay = (): void => {
      this.given++
      this.nowMs += this.keptMs
    }
    this.rest = new GiveWay({
      trials,
      giveWay: native ? giveWay : null,
      nowMs: () => this.nowMs,
      afterPoll: (run) => {
        expect(this.next).toBeNull()
        this.next = run
      },
    })
    this.rest.follow(() => this.pending)
  }

  get looks(): boolean {
    return this.next !== null
  }

  /** One round of the loop, in which requests came or not. */
  poll(came: boolean): void {
    const { next } = this
    this.next = null
    this.pending = came
    next?.()
    this.pending = false
  }

  /** A turn ends, and the next request comes with the given look; 0 = while it sleeps. */
  turn(only: TurnPart | null, cameWithLook: number): void {
    this.nowMs += QUICK_MS
    this.rest.rest(only)
    for (let look = 1; this.looks; look++) this.poll(look === cameWithLook)
  }

  /** Turns until it gives way; infinite when it does not. */
  turnsToOpen(cameWithLook = 2): number {
    const { given } = this
    for (let turns = 1; turns <= 2 * giveWayTurnsMax; turns++) {
      this.turn(null, cameWithLook)
      if (this.given > given) return turns
    }
    return Number.POSITIVE_INFINITY
  }
}

const part = (): TurnPart => ({ touched: false, endTurn() {} })

test('a thread that several keep busy gives way from the stated turn on, once for what comes at once', () => {
  const loop = new Loop()
  // The first begins a cycle.
  expect(loop.turnsToOpen()).toBe(giveWayTurnsMin + 1)
  const { given } = loop
  for (let turn = 0; turn < 100; turn++) loop.turn(null, 2)
  expect(loop.given - given).toBe(100)
})

test('what came while the sockets were looked at needs nobody else', () => {
  const loop = new Loop()
  loop.turnsToOpen()
  const { given } = loop
  for (let turn = 0; turn < 100; turn++) loop.turn(null, 1)
  expect(loop.given).toBe(given)
})

test('it sleeps after the stated number of looks, and for good when nothing ever comes of them', () => {
  const loop = new Loop()
  loop.turnsToOpen(0)
  expect(loop.given).toBe(giveWayLooks)
  const openings = (2 * giveWayTurnsMax) / giveWayTurnsMin
  const perOpening = (giveWayCreditMax / 2 / giveWayPerMiss + 1) * giveWayLooks
  for (let turn = 0; turn < 100_000; turn++) loop.turn(null, 0)
  expect(loop.given).toBeLessThan((Math.log2(openings) + 100_000 / giveWayTurnsMax) * perOpening)
})

test('turns far apart, and turns for one client alone, are none of its business', () => {
  const loop = new Loop()
  const [one, other] = [part(), part()]
  for (let turn = 0; turn < 1_000; turn++) {
    loop.nowMs += giveWayCycleMsMax
    loop.turn(null, 2)
  }
  expect(loop.given).toBe(0)
  for (let turn = 0; turn < giveWayTurnsMin - 1; turn++) loop.turn(null, 2)
  for (let turn = 0; turn < 1_000; turn++) loop.turn(one, 2)
  expect(loop.given).toBeLessThanOrEqual(giveWayAloneMax)
  const { given } = loop
  for (let turn = 0; turn < 100; turn++) loop.turn(turn % 2 === 0 ? other : one, 2)
  expect(loop.given - given).toBe(100)
})

test('answers that need no turn keep it looking', () => {
  const loop = new Loop()
  loop.turnsToOpen()
  const { given } = loop
  loop.rest.rest(null)
  for (let answer = 0; answer < 100; answer++) {
    loop.poll(false)
    loop.nowMs += QUICK_MS
    loop.rest.rest(null)
  }
  expect(loop.looks).toBe(true)
  expect(loop.given - given).toBe(100)
})

test('a neighbour that keeps the processor is not given it for long', () => {
  const loop = new Loop()
  loop.turnsToOpen()
  loop.keptMs = giveWayMsMax * 2
  for (let turn = 0; turn < 10; turn++) {
    loop.turn(null, 2)
    loop.nowMs -= loop.keptMs
  }
  const { given } = loop
  expect(given).toBeLessThan(10)
  // Not in the next few turns either.
  for (let turn = 0; turn < giveWayTurnsMin; turn++) {
    loop.turn(null, 2)
    loop.nowMs -= loop.keptMs
  }
  expect(loop.given).toBe(given)
})

test('threads try together, and no more often than one alone', () => {
  const trials = new Int32Array(new SharedArrayBuffer(4))
  const [one, other] = [new Loop(true, trials), new Loop(true, trials)]
  // In vain so often that each would wait for long.
  let before = -1
  for (let turn = 0; turn < 3 * giveWayTurnsMax || one.given + other.given > before; turn++) {
    before = one.given + other.given
    for (const loop of [one, other]) loop.turn(null, 0)
  }
  expect(one.turnsToOpen()).toBeGreaterThan(giveWayTurnsMin + 1)
  expect(other.turnsToOpen()).toBeLessThanOrEqual(giveWayTurnsMin + 1)
  const told = Atomics.load(trials, 0)
  for (let turn = 0; turn < 1_000; turn++) for (const loop of [one, other]) loop.turn(null, 2)
  expect(Atomics.load(trials, 0)).toBe(told)
  for (const loop of [one, other]) expect(loop.given).toBeGreaterThan(1_000)
})

test('without native calls nothing is asked of the loop', () => {
  const loop = new Loop(false)
  expect(loop.turnsToOpen()).toBe(Number.POSITIVE_INFINITY)
  expect(loop.looks).toBe(false)
})
