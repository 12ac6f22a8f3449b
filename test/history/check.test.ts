import { describe, expect, it } from 'vitest'
import { check } from './check.ts'
import { handMade } from './hand-made.ts'
import { history } from './make-history.ts'
import { describeFinding, formatOp, type Mode, type Op, parseHistory } from './operation.ts'

const MODE: Mode = { isolation: 'committed', via: 'assign', idempotent: true }

const kinds = (findings: readonly { kind: string }[]): string[] =>
  [...new Set(findings.map(({ kind }) => kind))].sort()

describe('a history made by hand', () => {
  it('comes in more than sixty kinds, each of another name', () => {
    expect(handMade.length).toBeGreaterThan(60)
    expect(new Set(handMade.map(({ name }) => name)).size).toBe(handMade.length)
  })

  for (const { name, ops, bad = [], allowed = [], mode = {} } of handMade)
    it(`${name}: ${[...bad, ...allowed.map((kind) => `${kind} allowed`)].join() || 'clean'}`, () => {
      const verdict = check(history(...ops), { ...MODE, ...mode })
      expect(kinds(verdict.bad)).toEqual([...bad].sort())
      expect(kinds(verdict.allowed)).toEqual([...allowed].sort())
    })

  it('says which operations show it', () => {
    const lost = handMade.find(({ name }) => name === 'lost in the middle')
    const { bad } = check(history(...(lost?.ops ?? [])), MODE)
    expect(bad.map(describeFinding)).toEqual(['lost: key 0 "a", operations 0'])
  })

  it('comes back from its lines as it was', () => {
    for (const { ops } of handMade) {
      const all = history(...ops)
      expect(parseHistory(all.map(formatOp).join(''))).toEqual(all)
    }
  })
})

describe('a long history', () => {
  it('of 200,000 operations is checked within seconds', () => {
    const ops: Op[] = []
    for (let at = 0; at < 100_000; at++) {
      const [k, off, v] = [at % 4, at >> 2, `${at}`]
      const more = { txn: false, type: 'ok' } as const
      const i = ops.length
      const write = { f: 'send', k, v, off } as const
      ops.push({ i, t0: i, t1: i + 0.5, proc: at % 8, ...more, mops: [write] })
      const read = { f: 'poll', got: [[k, off, v]] } as const
      ops.push({ i: i + 1, t0: i + 1, t1: i + 1.5, proc: 8 + k, ...more, mops: [read] })
    }
    const started = performance.now()
    expect(check(ops, MODE)).toEqual({ bad: [], allowed: [] })
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})
