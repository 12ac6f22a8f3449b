import { describe, expect, it } from 'vitest'
import { exploreRing, type ModelSettings } from '../support/ring-model.ts'

const cases: Omit<ModelSettings, 'signal'>[] = [
  // More messages than slots, no payload: counters, full ring, sleeping on both sides.
  { descriptors: 2, payloadBytes: 16, bursts: [[0, 0, 0, 0], [0]] },
  // The payload area is the narrow place, and wraps with a skip.
  { descriptors: 4, payloadBytes: 24, bursts: [[8, 16, 8], [16]] },
  // One message fills the area; a partial giving back is not enough for the next one.
  { descriptors: 4, payloadBytes: 16, bursts: [[8, 8, 16], [8]] },
  // Bursts while the writer rests.
  { descriptors: 2, payloadBytes: 16, bursts: [[8], [8], [8]] },
]

describe('a ring between two shards', () => {
  for (const settings of cases)
    for (const signal of ['atomics', 'port'] as const)
      it(`delivers all in every order of steps: ${JSON.stringify(settings)}, ${signal}`, () => {
        const report = exploreRing({ ...settings, signal })
        expect(report.failure).toBeNull()
        expect(report.ends).toBeGreaterThan(0)
        expect(report.states).toBeGreaterThan(500)
      })

  const mistakes = [
    'look-before-announce',
    'signal-before-tail',
    'no-room-wish',
    'ask-only-once',
  ] as const
  for (const mistake of mistakes)
    it(`is told apart from one with a mistake: ${mistake}`, () => {
      const report = exploreRing({
        descriptors: 4,
        payloadBytes: 16,
        bursts: [[8, 8, 16], [8]],
        signal: 'atomics',
        mistake,
      })
      expect(report.failure).not.toBeNull()
    })
})
