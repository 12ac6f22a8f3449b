/**
 * Runs every order in which a sending and a receiving shard can take their steps over one ring,
 * with the real RingWriter, RingReader and Doorbell. A step is one access to shared memory or one
 * signal; between two steps of one shard the other may take any number of its own. What follows
 * the steps (Outlet, Exchange) is written down here as programs, line by line.
 *
 * Search: depth first over choices, each state reached by replaying its choices from the start,
 * each distinct state explored once.
 */
import { Descriptor, newRing, RingReader, RingWriter } from '../../workers/ring.ts'
import { Doorbell, newWakeWords, type WakeSignal } from '../../workers/wake.ts'

const WRITER = 0
const READER = 1

export interface ModelSettings {
  readonly descriptors: number
  readonly payloadBytes: number
  /** Payload sizes, by burst: what the writer's sockets bring at some moment, resting or not. */
  readonly bursts: readonly (readonly number[])[]
  readonly signal: 'atomics' | 'port'
  /** A mistake to be found, to show that the search finds such. */
  readonly mistake?:
    | 'look-before-announce'
    | 'ask-only-once'
    | 'signal-before-tail'
    | 'no-room-wish'
}

export interface ModelReport {
  readonly states: number
  /** Distinct ends: nothing can step any more. */
  readonly ends: number
  /** Choices that led to a wrong end, or null. */
  readonly failure: { readonly reason: string; readonly steps: readonly string[] } | null
}

/** Signals as Atomics.waitAsync or a message port give them, without time passing by itself. */
class ModelSignals {
  readonly armed = [false, false]
  readonly due = [0, 0]
  private readonly words: Int32Array
  private readonly kind: 'atomics' | 'port'

  constructor(words: SharedArrayBuffer, kind: 'atomics' | 'port') {
    this.words = new Int32Array(words)
    this.kind = kind
  }

  restingShards(): number[] {
    return [this.words[WRITER * 16]!, this.words[READER * 16]!]
  }

  forShard(shard: number): WakeSignal {
    return {
      send: (target) => {
        if (this.kind === 'port') this.due[target] = this.due[target]! + 1
        else if (this.armed[target]) {
          this.armed[target] = false
          this.due[target] = 1
        }
      },
      await: () => {
        if (this.kind === 'port' || this.armed[shard] || this.due[shard]! > 0) return true
        if (this.words[shard * 16] !== 1) return false
        this.armed[shard] = true
        return true
      },
      onSignal() {},
      close() {},
    }
  }
}

type Steps = Generator<string, void, void>

class World {
  readonly signals: ModelSignals
  readonly received: number[] = []
  readonly held: { readonly id: number; readonly bytes: number }[] = []
  readonly running: (Steps | null)[] = [null, null]
  readonly labels = ['', '']
  /** What began the running task. */
  readonly tasks = ['', '']
  private readonly settings: ModelSettings
  private readonly writer: RingWriter
  private readonly reader: RingReader
  private readonly bells: Doorbell[]
  private readonly signalOf: WakeSignal[]
  private readonly d = new Descriptor()
  private burst = 0
  private sent = 0
  private unannounced = false
  private asked = false
  /** The first turn of each shard is owed to nobody. */
  private readonly started = [false, false]
  private readonly shared: Int32Array

  constructor(settings: ModelSettings) {
    this.settings = settings
    const memory = newRing(settings)
    const words = newWakeWords(2)
    this.shared = new Int32Array(memory)
    this.signals = new ModelSignals(words, settings.signal)
    this.writer = new RingWriter(memory, settings)
    this.reader = new RingReader(memory, settings)
    this.signalOf = [this.signals.forShard(WRITER), this.signals.forShard(READER)]
    this.bells = this.signalOf.map((signal, shard) => new Doorbell(words, shard, signal))
  }

  /** What could happen next: a step of a running task, or a task that may begin. */
  choices(): string[] {
    const choices: string[] = []
    for (const shard of [WRITER, READER]) {
      if (this.running[shard] !== null) choices.push(`step ${shard}`)
      else {
        if (!this.started[shard] || this.signals.due[shard]! > 0) choices.push(`turn ${shard}`)
        if (shard === WRITER && this.burst < this.settings.bursts.length) choices.push('burst')
      }
    }
    return choices
  }

  take(choice: string): void {
    const [what, which] = choice.split(' ')
    const shard = which === undefined ? WRITER : Number(which)
    if (what === 'turn') {
      this.started[shard] = true
      this.signals.due[shard] = Math.max(0, this.signals.due[shard]! - 1)
      this.running[shard] = shard === WRITER ? this.writerTurn() : this.readerTurn()
    } else if (what === 'burst') this.running[WRITER] = this.burstOf(this.burst++)
    const steps = this.running[shard]
    if (steps === null || steps === undefined) throw new Error(`no task for ${choice}`)
    const { done, value } = steps.next()
    if (what !== 'step') this.tasks[shard] = choice
    this.labels[shard] = value ?? ''
    if (done === true) this.running[shard] = null
  }

  key(): string {
    const numbers = (of: object): unknown[] =>
      Object.values(of).filter((value) => typeof value === 'number')
    return JSON.stringify([
      Array.from(this.shared),
      numbers(this.writer),
      numbers(this.reader),
      Array.from(this.writer['payloadEnds']),
      this.signals.restingShards(),
      this.signals.armed,
      this.signals.due,
      this.labels,
      this.running.map((task, shard) => (task === null ? '' : this.tasks[shard])),
      this.started,
      this.held,
      this.received,
      [this.burst, this.sent, this.unannounced, this.asked],
    ])
  }

  /** Why this end is wrong; null: all came through. */
  verdict(): string | null {
    const expected = this.settings.bursts.flat().length
    if (this.held.length > 0) return `${this.held.length} messages held back for ever`
    if (this.received.length < expected) return `${this.received.length} of ${expected} received`
    return null
  }

  // --- the programs. A yield stands before each access to what is shared.

  private *burstOf(burst: number): Steps {
    for (const bytes of this.settings.bursts[burst]!) {
      const id = ++this.sent
      if (this.held.length === 0 && (yield* this.push(id, bytes))) continue
      this.held.push({ id, bytes })
      if (this.held.length === 1 && (yield* this.roomAfterAsking())) yield* this.pump()
    }
    yield* this.announce()
  }

  private *writerTurn(): Steps {
    const { mistake } = this.settings
    for (;;) {
      yield* this.pump()
      yield* this.announce()
      let found = false
      if (mistake === 'look-before-announce') found = yield* this.roomAfterAsking()
      yield 'writer announces rest'
      this.bells[WRITER]!.announceRest()
      if (mistake !== 'look-before-announce') found = yield* this.roomAfterAsking()
      if (!found) {
        yield 'writer rests'
        if (this.bells[WRITER]!.rest()) return
      } else {
        yield 'writer stays awake'
        this.bells[WRITER]!.stayAwake()
      }
    }
  }

  private *push(id: number, bytes: number): Generator<string, boolean, void> {
    if (!this.writer.hasRoom(bytes)) {
      yield 'writer looks'
      this.writer.look()
      if (!this.writer.hasRoom(bytes)) return false
    }
    this.d.reset(1, id)
    this.writer.fill(this.d, bytes === 0 ? null : Buffer.alloc(bytes, id))
    if (this.settings.mistake === 'signal-before-tail') yield* this.announceNow()
    yield 'writer publishes'
    this.writer.publish()
    this.unannounced = true
    return true
  }

  private *pump(): Steps {
    while (this.held.length > 0) {
      const { id, bytes } = this.held[0]!
      if (!(yield* this.push(id, bytes))) return
      this.held.shift()
    }
  }

  private *roomAfterAsking(): Generator<string, boolean, void> {
    if (this.held.length === 0) return false
    const { mistake } = this.settings
    if (mistake !== 'no-room-wish' && (mistake !== 'ask-only-once' || !this.asked)) {
      yield 'writer asks for room'
      this.writer.askForRoom()
      this.asked = true
    }
    yield 'writer looks again'
    this.writer.look()
    return this.writer.hasRoom(this.held[0]!.bytes)
  }

  private *announce(): Steps {
    if (!this.unannounced) return
    this.unannounced = false
    if (this.settings.mistake !== 'signal-before-tail') yield* this.announceNow()
  }

  private *announceNow(): Steps {
    yield 'writer rings'
    if (!this.bells[WRITER]!.takeRest(READER)) return
    yield 'writer signals'
    this.signalOf[WRITER]!.send(READER)
  }

  private *readerTurn(): Steps {
    const { mistake } = this.settings
    for (;;) {
      yield* this.drain()
      let found = false
      if (mistake === 'look-before-announce') found = yield* this.readerLooks()
      yield 'reader announces rest'
      this.bells[READER]!.announceRest()
      if (mistake !== 'look-before-announce') found = yield* this.readerLooks()
      if (!found) {
        yield 'reader rests'
        if (this.bells[READER]!.rest()) return
      } else {
        yield 'reader stays awake'
        this.bells[READER]!.stayAwake()
      }
    }
  }

  private *drain(): Steps {
    for (;;) {
      yield 'reader takes'
      if (!this.reader.next(this.d)) break
      this.receive()
    }
    const before = this.shared[16]
    if (this.reader['head'] === this.reader['taken']) return
    yield 'reader gives back'
    this.reader.giveBack()
    if (this.shared[16] === before) throw new Error('gave back nothing')
    yield 'reader takes the wish'
    if (!this.reader.takeRoomWish()) return
    yield 'reader rings'
    if (!this.bells[READER]!.takeRest(WRITER)) return
    yield 'reader signals'
    this.signalOf[READER]!.send(WRITER)
  }

  private *readerLooks(): Generator<string, boolean, void> {
    yield 'reader looks'
    return this.reader.hasNext()
  }

  private receive(): void {
    const id = this.d.correlation
    if (id !== this.received.length + 1)
      throw new Error(`message ${id} after ${this.received.length}`)
    const payload = this.reader.payload(this.d)
    const bytes = this.settings.bursts.flat()[id - 1]!
    if (payload.length !== bytes) throw new Error(`${payload.length} bytes in message ${id}`)
    for (const byte of payload) if (byte !== id) throw new Error(`byte ${byte} in message ${id}`)
    this.received.push(id)
  }
}

/** Explores all orders; stops at the first wrong end. */
export function exploreRing(settings: ModelSettings): ModelReport {
  const seen = new Set<string>()
  const open: string[][] = [[]]
  let ends = 0
  while (open.length > 0) {
    const steps = open.pop()!
    const world = new World(settings)
    try {
      for (const step of steps) world.take(step)
    } catch (error) {
      return { states: seen.size, ends, failure: { reason: String(error), steps } }
    }
    const key = world.key()
    if (seen.has(key)) continue
    seen.add(key)
    const choices = world.choices()
    if (choices.length === 0) {
      ends++
      const reason = world.verdict()
      if (reason !== null) return { states: seen.size, ends, failure: { reason, steps } }
    }
    for (const choice of choices) open.push([...steps, choice])
  }
  return { states: seen.size, ends, failure: null }
}
