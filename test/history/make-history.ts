/**
 * Short forms for histories written by hand. A record is `value@offset` of key 0, or `key/value@offset`;
 * without `@offset` the offset is unknown. Operations follow one another, ten milliseconds apart, unless
 * `during` says otherwise.
 */
import type { Mop, Op, Send } from './operation.ts'

export type Draft = Omit<Op, 'i' | 't0' | 't1'> & { readonly t0?: number; readonly t1?: number }

function record(text: string): { k: number; v: string; off: number | null } {
  const match = /^(?:(\d+)\/)?([^@]+)(?:@(\d+))?$/.exec(text)
  if (match === null) throw new Error(`no record: ${text}`)
  const [, k = '0', v = '', off] = match
  return { k: Number(k), v, off: off === undefined ? null : Number(off) }
}

function draft(proc: number, mops: readonly Mop[]): Draft {
  return { proc, txn: false, type: 'ok', mops }
}

export function send(proc: number, records: string, more: Partial<Send> = {}): Draft {
  return draft(
    proc,
    records.split(' ').map((text) => ({ f: 'send', ...record(text), ...more })),
  )
}

export function poll(proc: number, records: string): Draft {
  const got = records.split(' ').map((text): [number, number, string] => {
    const { k, v, off } = record(text)
    if (off === null) throw new Error(`read without an offset: ${text}`)
    return [k, off, v]
  })
  return draft(proc, [{ f: 'poll', got }])
}

/** The last reading. */
export function drain(records: string): Draft {
  return { ...poll(99, records), final: true }
}

export function assign(proc: number, keys: readonly number[], generation = 1): Draft {
  return draft(proc, [{ f: 'assign', group: 'g', generation, keys }])
}

export function commit(proc: number, off: number, generation = 1, k = 0): Draft {
  return draft(proc, [{ f: 'commit', group: 'g', generation, offsets: [[k, off]] }])
}

export function committed(off: number, k = 0): Draft {
  return draft(98, [{ f: 'committed', group: 'g', offsets: [[k, off]] }])
}

export function ends(off: number, k = 0): Draft {
  return draft(97, [{ f: 'ends', ends: [[k, off]] }])
}

/** One operation with the steps of several, in a transaction. */
export function transaction(...steps: readonly Draft[]): Draft {
  return { ...steps[0]!, txn: true, mops: steps.flatMap(({ mops }) => mops) }
}

export function failed(op: Draft): Draft {
  return { ...op, type: 'fail' }
}

export function unknown(op: Draft): Draft {
  return { ...op, type: 'info' }
}

export function during(t0: number, t1: number, op: Draft): Draft {
  return { ...op, t0, t1 }
}

export function history(...drafts: readonly Draft[]): Op[] {
  return drafts.map((each, i) => ({ ...each, i, t0: each.t0 ?? i * 10, t1: each.t1 ?? i * 10 + 5 }))
}
