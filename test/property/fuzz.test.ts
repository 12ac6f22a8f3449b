/** The fuzz lane (test/fuzz) in small: what .ci/run does with millions of frames. */
import { beforeAll, describe, expect, test } from 'vitest'
import { InProcessFuzz } from '../fuzz/in-process.ts'

const FRAMES = 30_000
const THINNED = 67
/** None: a busy machine shall not fail it. */
const SECONDS = Number.POSITIVE_INFINITY

describe('hostile frames', () => {
  const seed = Date.now() % 1_000_000_000
  let fuzz: InProcessFuzz
  beforeAll(async () => {
    fuzz = new InProcessFuzz({ frames: FRAMES, seconds: SECONDS, seed, note: () => {} })
  })

  test('that once found a defect', async () => {
    expect(await fuzz.replayCorpus()).toMatch(/^[1-9]\d* cases/)
  })

  test('cut into two reads', () => {
    expect(fuzz.splits(THINNED)).toMatch(/splits/)
  })

  test('with counts that their bytes back', () => {
    expect(fuzz.bombs(THINNED, SECONDS)).toMatch(/bombs/)
  })

  test('changed at random, through decoders, connections and handlers', async () => {
    await fuzz.mutate(FRAMES, SECONDS)
    await fuzz.handle(FRAMES / 60, SECONDS)
    expect(fuzz.coverage()).toMatch(/API versions/)
  })
})
