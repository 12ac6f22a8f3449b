/**
 * Runs one state machine over one internal partition: appends what it decided, replays the records
 * once they are committed, and only then releases the response.
 *
 *   loading  → requests are refused with COORDINATOR_LOAD_IN_PROGRESS (14)
 *   active   → requests are handled; several appends may be in flight, replayed in order
 *   unloaded → requests are refused with NOT_COORDINATOR (16), also after a failed load
 *
 * Invariants: a request is answered exactly once; a record is replayed exactly once, in the order
 * of the log; nothing of a failed append is ever visible.
 */
import { assert } from '../base/assert.ts'
import { ErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type {
  CoordinatorHost,
  MachineContext,
  Outcome,
  Reply,
  StateMachine,
  TimerHandle,
} from './state-machine.ts'
import { coordinatorError } from './state-machine.ts'

type RuntimeState = 'new' | 'loading' | 'active' | 'unloaded'

/** Control record type at byte 2 of the key: 0 abort, 1 commit; others are no markers. */
const MARKER_TYPE_AT = 2
const MARKER_ABORT = 0
const MARKER_COMMIT = 1

export class CoordinatorRuntime<
  Request,
  Response,
  Machine extends StateMachine<Request, Response> = StateMachine<Request, Response>,
> {
  readonly partition: number
  private readonly host: CoordinatorHost
  readonly machine: Machine
  private state: RuntimeState
  /** Position given to the next record: the log's offset while loading, then a plain count. */
  private nextPosition: number
  private appended: number
  private committed: number
  private waiting: number

  constructor(
    host: CoordinatorHost,
    partition: number,
    build: (context: MachineContext<Response>) => Machine,
  ) {
    this.host = host
    this.partition = partition
    this.state = 'new'
    this.nextPosition = 0
    this.appended = 0
    this.committed = 0
    this.waiting = 0
    this.machine = build({
      partition,
      clock: host.clock,
      random: host.random,
      logger: host.logger,
      image: () => host.image(),
      schedule: (delayMs, event) => this.schedule(delayMs, event),
      run: (outcome) => this.runEvent(outcome),
    })
  }

  get isActive(): boolean {
    return this.state === 'active'
  }

  /** Replays the partition's log. Rejects with the host's error, and is unloaded then. */
  async load(): Promise<void> {
    assert(
      this.state === 'new',
      `partition ${this.partition} is loaded once, not from ${this.state}`,
    )
    this.state = 'loading'
    try {
      await this.host.load(this.partition, (key, value, offset, batch) => {
        if (this.state !== 'loading' || key === null) return
        assert(offset >= this.nextPosition, `record ${offset} after ${this.nextPosition}`)
        this.nextPosition = offset + 1
        if (batch.isControl) {
          if (key.length < MARKER_TYPE_AT + 2) return
          const type = key.readInt16BE(MARKER_TYPE_AT)
          if (type === MARKER_ABORT || type === MARKER_COMMIT)
            this.machine.endTransaction(batch.producerId, type === MARKER_COMMIT)
        } else {
          const producerId = batch.isTransactional ? batch.producerId : -1
          this.machine.replay({ key, value }, offset, producerId)
        }
      })
    } catch (error) {
      this.unload()
      throw error
    }
    if (this.state !== 'loading') return
    this.state = 'active'
    this.machine.loaded()
  }

  /** Stops for good: parked requests are answered with NOT_COORDINATOR, timers are cancelled. */
  unload(): void {
    if (this.state === 'unloaded') return
    this.state = 'unloaded'
    this.machine.unload(ErrorCode.NOT_COORDINATOR)
  }

  /** Resolves with the answer; never rejects for reasons a client could cause. */
  handle(request: Request): Promise<Response> {
    return new Promise((resolve) => this.submit(request, resolve))
  }

  /** Ends a transaction whose marker has just been committed to this partition's log. */
  endTransaction(producerId: number, committed: boolean): void {
    if (this.state === 'active') this.machine.endTransaction(producerId, committed)
  }

  /** Lets a caller outside a request, such as a metadata change, put an event to the machine. */
  runEvent(outcome: Outcome<Response> | null): void {
    if (outcome === null || this.state !== 'active') return
    this.perform(outcome, null, null)
  }

  private submit(request: Request, resolve: Reply<Response>): void {
    if (this.state !== 'active') {
      const code =
        this.state === 'loading' || this.state === 'new'
          ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
          : ErrorCode.NOT_COORDINATOR
      resolve(this.machine.refuse(request, code))
      return
    }
    if (this.waiting >= limits.coordinatorRequestsMax) {
      resolve(this.machine.refuse(request, ErrorCode.COORDINATOR_NOT_AVAILABLE))
      return
    }
    this.waiting++
    let answered = false
    const reply: Reply<Response> = (response) => {
      assert(!answered, `a request on partition ${this.partition} is answered once`)
      answered = true
      this.waiting--
      resolve(response)
    }
    this.perform(this.machine.handle(request, reply), request, reply)
  }

  private perform(
    outcome: Outcome<Response>,
    request: Request | null,
    reply: Reply<Response> | null,
  ): void {
    if (outcome.records.length === 0) {
      outcome.settled?.(ErrorCode.NONE)
      if (outcome.response !== null) reply?.(outcome.response)
      return
    }
    const turn = ++this.appended
    let done = false
    this.host.append(this.partition, outcome.records, (errorCode) => {
      assert(!done, `an append to partition ${this.partition} ends once`)
      done = true
      const code = this.commit(outcome, turn, errorCode)
      outcome.settled?.(code)
      if (outcome.response === null || reply === null || request === null) return
      reply(code === ErrorCode.NONE ? outcome.response : this.machine.refuse(request, code))
    })
  }

  /** Replays what was committed; answers the error code that the sender shall see. */
  private commit(outcome: Outcome<Response>, turn: number, errorCode: number): number {
    if (this.state !== 'active') return ErrorCode.NOT_COORDINATOR
    if (errorCode !== ErrorCode.NONE) return coordinatorError(errorCode)
    assert(turn > this.committed, `append ${turn} committed after ${this.committed}`)
    this.committed = turn
    if (outcome.replay)
      for (const record of outcome.records) this.machine.replay(record, this.nextPosition++, -1)
    return ErrorCode.NONE
  }

  private schedule(delayMs: number, event: () => Outcome<Response> | null): TimerHandle {
    assert(delayMs >= 0, `delay ${delayMs}`)
    return this.host.schedule(delayMs, () => {
      if (this.state === 'active') this.runEvent(event())
    })
  }
}
