/**
 * One decision at a time per consumer group: while a group's records are being written, its requests
 * and timer events wait, and are decided on the state those records lead to. So a group changes by
 * replay of committed records only, and no answer is built on a write that may yet fail.
 *
 *   free → decide → no records: answered at once
 *                 → records: busy until they are committed or have failed → next in line
 *
 * Bounds: requests by limits.coordinatorRequestsMax of the runtime, events by one timer of a kind
 * per member, and one refresh of patterns per group.
 */
import { ErrorCode } from '../../base/errors.ts'
import { type MachineContext, nothing } from '../state-machine.ts'
import type { GroupOutcome, GroupReply } from './env.ts'
import { refuseGroupRequest } from './refuse.ts'
import type { GroupRequest, GroupResponse } from './requests.ts'

type Decide = () => GroupOutcome

interface Waiting {
  readonly decide: Decide
  /** Null for an event, which nobody waits for. */
  readonly sender: { readonly request: GroupRequest; readonly reply: GroupReply } | null
}

export class GroupTurns {
  private readonly context: MachineContext<GroupResponse>
  private readonly writing: Set<string>
  private readonly waiting: Map<string, Waiting[]>
  private readonly draining: Set<string>

  constructor(context: MachineContext<GroupResponse>) {
    this.context = context
    this.writing = new Set()
    this.waiting = new Map()
    this.draining = new Set()
  }

  /** Records of the group are on their way, or somebody waits for that. */
  isBusy(groupId: string): boolean {
    return this.writing.has(groupId) || this.waiting.has(groupId)
  }

  /** Decides a request now, or parks it until it is its turn. */
  take(groupId: string, request: GroupRequest, decide: Decide, reply: GroupReply): GroupOutcome {
    if (!this.isBusy(groupId)) return this.begin(groupId, decide())
    this.park(groupId, { decide, sender: { request, reply } })
    return nothing()
  }

  /** Puts an event in line. */
  event(groupId: string, decide: Decide): void {
    if (this.isBusy(groupId)) this.park(groupId, { decide, sender: null })
    else this.run(groupId, { decide, sender: null })
  }

  /**
   * For a decision that is being taken: puts an event in line behind it, and so before anything that comes
   * as an answer to it.
   */
  follow(groupId: string, decide: Decide): void {
    this.park(groupId, { decide, sender: null })
  }

  /** Makes the group busy with something decided elsewhere, until release(). */
  hold(groupId: string): void {
    this.writing.add(groupId)
  }

  release(groupId: string): void {
    this.end(groupId)
  }

  /** The partition goes away: everyone in line is told. */
  refuseAll(errorCode: number): void {
    const parked = [...this.waiting.values()].flat()
    this.waiting.clear()
    for (const { sender } of parked) sender?.reply(refuseGroupRequest(sender.request, errorCode))
  }

  private park(groupId: string, item: Waiting): void {
    const line = this.waiting.get(groupId)
    if (line === undefined) this.waiting.set(groupId, [item])
    else line.push(item)
  }

  private begin(groupId: string, outcome: GroupOutcome): GroupOutcome {
    if (outcome.records.length === 0) {
      // Nothing to wait for, but the decision may have put something in line behind itself.
      this.drain(groupId)
      return outcome
    }
    this.writing.add(groupId)
    return {
      ...outcome,
      settled: (errorCode) => {
        outcome.settled?.(errorCode)
        this.end(groupId)
      },
    }
  }

  private run(groupId: string, { decide, sender }: Waiting): void {
    const { response, ...outcome } = this.begin(groupId, decide())
    const settled = (errorCode: number): void => {
      outcome.settled?.(errorCode)
      if (sender === null || response === null) return
      const { request, reply } = sender
      reply(errorCode === ErrorCode.NONE ? response : refuseGroupRequest(request, errorCode))
    }
    this.context.run({ ...outcome, response: null, settled })
  }

  private end(groupId: string): void {
    this.writing.delete(groupId)
    this.drain(groupId)
  }

  /** Decides what waits in line, until one of them makes the group busy. */
  private drain(groupId: string): void {
    if (this.draining.has(groupId)) return
    this.draining.add(groupId)
    const line = this.waiting.get(groupId)
    while (line !== undefined && line.length > 0 && !this.writing.has(groupId))
      this.run(groupId, line.shift()!)
    if (line?.length === 0 && this.waiting.get(groupId) === line) this.waiting.delete(groupId)
    this.draining.delete(groupId)
  }
}
