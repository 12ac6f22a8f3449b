/** A history that a serial log could have made is clean; each single change that breaks a promise is found. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { check } from './check.ts'
import type { Mode, Op } from './operation.ts'

const MODE: Mode = { isolation: 'committed', via: 'assign', idempotent: true }
const KEYS = 3
const PROCESSES = 4

interface Step {
  readonly kind: 'send' | 'poll' | 'commit' | 'crash'
  readonly proc: number
  readonly k: number
  readonly count: number
  readonly fate: 'ok' | 'applied' | 'dropped' | 'refused'
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('send', 'send', 'poll', 'commit', 'crash'),
  proc: fc.nat(PROCESSES - 1),
  k: fc.nat(KEYS - 1),
  count: fc.integer({ min: 1, max: 4 }),
  fate: fc.constantFrom('ok', 'ok', 'ok', 'applied', 'dropped', 'refused'),
})

/** Runs the steps one after another against lists, as a broker without faults would. */
function serial(steps: readonly Step[]): Op[] {
  const logs: string[][] = Array.from({ length: KEYS }, () => [])
  const positions = Array.from({ length: PROCESSES }, () => new Array<number>(KEYS).fill(0))
  const groupPosition = new Array<number>(KEYS).fill(0)
  const ops: Op[] = []
  let counter = 0
  const add = (proc: number, type: Op['type'], mops: Op['mops'], more: Partial<Op> = {}): void => {
    const i = ops.length
    ops.push({ i, t0: i * 10, t1: i * 10 + 5, proc, txn: false, type, mops, ...more })
  }
  for (const { kind, proc, k, count, fate } of steps) {
    const log = logs[k]!
    if (kind === 'send') {
      const values = Array.from({ length: count }, () => `${proc} ${counter++}`)
      const base = log.length
      if (fate === 'ok' || fate === 'applied') log.push(...values)
      const type = fate === 'ok' ? 'ok' : fate === 'refused' ? 'fail' : 'info'
      const told = (at: number): number | null => (fate === 'ok' ? base + at : null)
      add(
        proc,
        type,
        values.map((v, at) => ({ f: 'send', k, v, off: told(at) })),
      )
    } else if (kind === 'poll') {
      const from = positions[proc]![k]!
      const got = log.slice(from, from + count).map((v, at) => [k, from + at, v] as const)
      positions[proc]![k] = from + got.length
      if (got.length > 0) add(PROCESSES + proc, 'ok', [{ f: 'poll', got }])
    } else if (kind === 'commit') {
      groupPosition[k] = Math.min(log.length, groupPosition[k]! + count)
      const offsets = [[k, groupPosition[k]] as const]
      add(20, 'ok', [{ f: 'commit', group: 'g', generation: 1, offsets }])
      add(21, 'ok', [{ f: 'committed', group: 'g', offsets }])
    } else
      add(22, 'ok', [{ f: 'ends', ends: logs.map(({ length }, key) => [key, length] as const) }])
  }
  logs.forEach((log, k) => {
    const got = log.map((v, off) => [k, off, v] as const)
    if (got.length > 0) add(30, 'ok', [{ f: 'poll', got }], { final: true })
  })
  return ops
}

const serialHistory = fc.array(step, { minLength: 4, maxLength: 60 }).map(serial)

interface Got {
  readonly op: number
  readonly at: number
}

/** Places in the last reading; every value there was read nowhere else at another offset. */
function finalReads(ops: readonly Op[]): Got[] {
  return ops.flatMap((each, op) =>
    each.final === true && each.mops[0]?.f === 'poll'
      ? each.mops[0].got.map((_, at) => ({ op, at }))
      : [],
  )
}

type Triple = readonly [number, number, string]

function withGot(
  ops: readonly Op[],
  op: number,
  change: (got: Triple[]) => readonly Triple[],
): Op[] {
  return ops.map((each, at) => {
    const [mop] = each.mops
    if (at !== op || mop?.f !== 'poll') return each
    return { ...each, mops: [{ f: 'poll', got: change([...mop.got]) }] }
  })
}

const acknowledged = (ops: readonly Op[]): Set<string> =>
  new Set(
    ops.flatMap(({ type, mops }) =>
      type === 'ok' ? mops.flatMap((mop) => (mop.f === 'send' ? [`${mop.k} ${mop.v}`] : [])) : [],
    ),
  )

/** A change to one read; null when it does not apply there. */
type Mutation = (ops: readonly Op[], place: Got, got: readonly Triple[]) => Op[] | null

const mutations: Readonly<Record<string, Mutation>> = {
  'drop an acknowledged value': (ops, { op, at }, got) =>
    acknowledged(ops).has(`${got[at]![0]} ${got[at]![2]}`)
      ? withGot(ops, op, (all) => all.filter((_, each) => each !== at))
      : null,
  'copy a value behind the end': (ops, { op, at }, got) => {
    const [k, , v] = got[at]!
    return withGot(ops, op, (all) => [...all, [k, got.at(-1)![1] + 1, v]])
  },
  'swap two values': (ops, { op, at }, got) => {
    const other = (at + 1) % got.length
    if (other === at) return null
    const [a, b] = [got[at]!, got[other]!]
    const isTold = [a, b].some(([k, , v]) => acknowledged(ops).has(`${k} ${v}`))
    if (!isTold) return null
    return withGot(ops, op, (all) =>
      all.map(([k, off, v], each) => [k, off, each === at ? b[2] : each === other ? a[2] : v]),
    )
  },
  'change a value': (ops, { op, at }) =>
    withGot(ops, op, (all) => all.map(([k, off, v], each) => [k, off, each === at ? `${v}x` : v])),
  'read a value twice': (ops, { op, at }) =>
    withGot(ops, op, (all) => [...all.slice(0, at + 1), ...all.slice(at)]),
  'move an offset up': (ops, { op, at }, got) => {
    const [k, , v] = got[at]!
    if (!acknowledged(ops).has(`${k} ${v}`)) return null
    return withGot(ops, op, (all) =>
      all.map(([key, off, value], each) => [key, off + (each >= at ? 1 : 0), value]),
    )
  },
}

describe('a serial history', () => {
  it('is clean', () => {
    fc.assert(
      fc.property(serialHistory, (ops) => {
        expect(check(ops, MODE).bad).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  for (const [name, mutate] of Object.entries(mutations))
    it(`is found out after one change: ${name}`, () => {
      let applied = 0
      fc.assert(
        fc.property(serialHistory, fc.nat(), (ops, draw) => {
          const places = finalReads(ops)
          if (places.length === 0) return
          const place = places[draw % places.length]!
          const mop = ops[place.op]!.mops[0]!
          const changed = mop.f === 'poll' ? mutate(ops, place, mop.got) : null
          if (changed === null) return
          applied++
          expect(check(changed, MODE).bad).not.toEqual([])
        }),
        { numRuns: 300 },
      )
      expect(applied).toBeGreaterThan(50)
    })

  it('is found out when a committed position or an end is told lower', () => {
    let applied = 0
    fc.assert(
      fc.property(serialHistory, fc.nat(), (ops, draw) => {
        const told = ops.filter(({ mops: [mop] }) => mop?.f === 'committed' || mop?.f === 'ends')
        const chosen = told[draw % Math.max(1, told.length)]
        const [mop] = chosen?.mops ?? []
        if (chosen === undefined || (mop?.f !== 'committed' && mop?.f !== 'ends')) return
        const before =
          mop.f === 'ends'
            ? told.find(({ i, mops }) => i < chosen.i && mops[0]?.f === 'ends')
            : chosen
        const known = before?.mops[0]?.f === 'ends' ? before.mops[0].ends : null
        if (mop.f === 'ends' && (known === null || known.every(([, off]) => off === 0))) return
        applied++
        const lower = {
          ...mop,
          ...(mop.f === 'ends'
            ? { ends: known!.map(([k, off]) => [k, off - 1] as const) }
            : { offsets: mop.offsets.map(([k, off]) => [k, off - 1] as const) }),
        }
        const changed = ops.map((op) => (op === chosen ? { ...op, mops: [lower] } : op))
        expect(check(changed, MODE).bad.map(({ kind }) => kind)).toContain(
          mop.f === 'ends' ? 'end-back' : 'commit-back',
        )
      }),
      { numRuns: 300 },
    )
    expect(applied).toBeGreaterThan(50)
  })
})
