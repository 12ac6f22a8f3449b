/** All that a history says of one key, gathered once: who wrote a value, where it is, who read it. */
import { getOrMake } from './get-or-make.ts'
import type { Op, Poll, Send } from './operation.ts'

export interface Write {
  readonly op: Op
  readonly send: Send
  /** Order of issue in the whole history. */
  readonly at: number
}

export interface Version {
  readonly offset: number
  readonly value: string
  /** First to have said so. */
  readonly op: Op
  /** Anyone read it at this offset. */
  wasRead: boolean
  /** The last reading found it here. */
  isFinal: boolean
}

export class KeyHistory {
  readonly k: number
  /** By value. */
  readonly writes = new Map<string, Write>()
  /** Values by offset; more than one is a finding. */
  readonly byOffset = new Map<number, Version[]>()
  /** Offsets by value, as read or acknowledged. */
  readonly offsetsOf = new Map<string, Version[]>()
  /** One version per offset, by rising offset. */
  order: Version[] = []
  /** Place in `order` by offset. */
  readonly rankOf = new Map<number, number>()
  /** Highest rank that anyone read, and that the last reading found; -1 for none. */
  highestRead = -1
  highestFinal = -1

  constructor(k: number) {
    this.k = k
  }

  note(offset: number, value: string, op: Op, wasRead: boolean): void {
    const versions = getOrMake(this.byOffset, offset, () => [])
    let version = versions.find((each) => each.value === value)
    if (version === undefined) {
      version = { offset, value, op, wasRead, isFinal: false }
      versions.push(version)
      getOrMake(this.offsetsOf, value, () => []).push(version)
    }
    if (!wasRead) return
    version.wasRead = true
    if (op.final === true) version.isFinal = true
  }

  rank(): void {
    const offsets = [...this.byOffset.keys()].sort((a, b) => a - b)
    this.order = offsets.map((offset) => {
      const versions = this.byOffset.get(offset)!
      return versions.find(({ wasRead }) => wasRead) ?? versions[0]!
    })
    this.order.forEach(({ offset, wasRead, isFinal }, rank) => {
      this.rankOf.set(offset, rank)
      if (wasRead) this.highestRead = rank
      if (isFinal) this.highestFinal = rank
    })
  }

  /** Read by anyone, wherever. */
  isRead(value: string): boolean {
    return this.offsetsOf.get(value)?.some(({ wasRead }) => wasRead) ?? false
  }

  /** Where it is first, of those read or acknowledged. */
  firstOffset(value: string): number | null {
    const places = this.offsetsOf.get(value)
    if (places === undefined) return null
    return places.reduce((least, { offset }) => Math.min(least, offset), Number.POSITIVE_INFINITY)
  }
}

export interface Gathered {
  readonly keys: ReadonlyMap<number, KeyHistory>
  readonly ops: readonly Op[]
  readonly hasFinal: boolean
}

export function sendsOf(op: Op): Send[] {
  return op.mops.filter((mop) => mop.f === 'send')
}

export function pollsOf(op: Op): Poll[] {
  return op.mops.filter((mop) => mop.f === 'poll')
}

export function gather(history: Iterable<Op>): Gathered {
  const ops = [...history].sort((a, b) => a.i - b.i)
  const keys = new Map<number, KeyHistory>()
  const keyOf = (k: number): KeyHistory => getOrMake(keys, k, () => new KeyHistory(k))
  let at = 0
  for (const op of ops)
    for (const mop of op.mops) {
      if (mop.f === 'send') {
        const key = keyOf(mop.k)
        key.writes.set(mop.v, { op, send: mop, at: at++ })
        // An offset told by a transaction that then failed says nothing about what stays.
        if (mop.off !== null && op.type === 'ok') key.note(mop.off, mop.v, op, false)
      } else if (mop.f === 'poll')
        for (const [k, offset, value] of mop.got) keyOf(k).note(offset, value, op, true)
    }
  for (const key of keys.values()) key.rank()
  return { keys, ops, hasFinal: ops.some(({ final }) => final === true) }
}
