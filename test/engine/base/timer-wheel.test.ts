import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Timer, TimerWheel } from '../../../engine/base/timer-wheel.ts'

describe('timer wheel', () => {
  it('fires at the first advance at or after the deadline, never before', () => {
    const wheel = new TimerWheel(0, 5)
    const fired: string[] = []
    wheel.schedule(12, () => fired.push('a'))
    wheel.advance(11)
    wheel.advance(14)
    expect(fired).toEqual([])
    wheel.advance(15)
    expect(fired).toEqual(['a'])
  })

  it('fires what a run cancels or moves no more', () => {
    const wheel = new TimerWheel(0, 1)
    const fired: string[] = []
    const second = new Timer(() => fired.push('second'))
    const third = new Timer(() => fired.push('third'))
    wheel.schedule(10, () => {
      second.cancel()
      wheel.arm(third, 20)
    })
    wheel.arm(second, 10)
    wheel.arm(third, 10)
    wheel.advance(10)
    expect(fired).toEqual([])
    expect(wheel.nextDueMs()).toBe(20)
    wheel.advance(25)
    expect(fired).toEqual(['third'])
    expect(wheel.nextDueMs()).toBe(null)
  })

  it('lets a run arm its own timer again', () => {
    const wheel = new TimerWheel(0, 1)
    let count = 0
    const timer: Timer = new Timer(() => {
      count++
      wheel.arm(timer, count * 100)
    })
    wheel.arm(timer, 1)
    for (let now = 0; now <= 450; now += 10) wheel.advance(now)
    expect(count).toBe(5)
  })

  it('agrees with a sorted list over any sequence of arm, cancel and advance', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('arm' as const),
        id: fc.nat(9),
        delay: fc.oneof(fc.nat(100), fc.nat(10_000), fc.nat(30_000_000)),
      }),
      fc.record({ kind: fc.constant('cancel' as const), id: fc.nat(9) }),
      fc.record({
        kind: fc.constant('advance' as const),
        by: fc.oneof(fc.nat(50), fc.nat(20_000), fc.nat(40_000_000)),
      }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1_000_000), (steps, start) => {
        const wheel = new TimerWheel(start, 1)
        let now = start
        const due = new Map<number, { at: number; order: number }>()
        let order = 0
        let fired: number[] = []
        const timers = Array.from({ length: 10 }, (_, id) => new Timer(() => fired.push(id)))
        for (const each of steps) {
          if (each.kind === 'arm') {
            const timer = timers[each.id] as Timer
            wheel.arm(timer, now + each.delay)
            due.set(each.id, { at: Math.max(now + each.delay, now + 1), order: order++ })
          } else if (each.kind === 'cancel') {
            ;(timers[each.id] as Timer).cancel()
            due.delete(each.id)
          } else {
            now += each.by
            fired = []
            wheel.advance(now)
            const expected = [...due]
              .filter(([, entry]) => entry.at <= now)
              .sort((a, b) => a[1].at - b[1].at || a[1].order - b[1].order)
              .map(([id]) => id)
            expect(fired).toEqual(expected)
            for (const id of expected) due.delete(id)
          }
          const next = wheel.nextDueMs()
          const earliest = Math.min(...[...due.values()].map((entry) => entry.at))
          if (due.size === 0) expect(next).toBe(null)
          else expect(next).toBeLessThanOrEqual(earliest)
        }
      }),
      { numRuns: 300 },
    )
  })
})
