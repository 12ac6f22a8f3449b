/** Background jobs in the real thread pool, on a real folder. */
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { Jobs } from '../../workers/jobs.ts'

const GOLDEN = new URL('../golden/logs/', import.meta.url).pathname
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** A copy of a partition that a real Kafka wrote. */
function goldenCopy(partition: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-jobs-'))
  folders.push(folder)
  const source = readdirSync(GOLDEN)
    .map((name) => join(GOLDEN, name, partition))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
  if (source === undefined) throw new Error(`no golden folder ${partition}`)
  cpSync(source, join(folder, partition), { recursive: true })
  return join(folder, partition)
}

const OPTIONS = {
  recoveryPoint: 0,
  logStartOffset: 0,
  indexIntervalBytes: 4096,
  segmentIndexBytes: 10_485_760,
  producerIdExpirationMs: 86_400_000,
  nowMs: 0,
}

it('recovers a log in a thread of its own, which ends when nothing is left to do', async () => {
  const dir = goldenCopy('codec-gzip-0')
  const jobs = new Jobs(1, 50)
  expect(jobs.active).toBe(false)
  const outcome = await jobs.recoverLog({ dir, options: OPTIONS })
  expect(outcome).toMatchObject({ kind: 'recovered', summary: { logEndOffset: 25 } })
  expect(jobs.active).toBe(true)
  await expect.poll(() => jobs.active, { timeout: 5_000 }).toBe(false)
  const again = await jobs.recoverLog({ dir, options: OPTIONS })
  expect(again.kind).toBe('recovered')
  await jobs.close()
  await expect(jobs.recoverLog({ dir, options: OPTIONS })).rejects.toThrow('after the stop')
})

it('says damage below the recovery point as data, not as an exception', async () => {
  const dir = goldenCopy('codec-gzip-0')
  truncateSync(join(dir, '00000000000000000000.log'), 100)
  const jobs = new Jobs(1, 50)
  const outcome = await jobs.recoverLog({ dir, options: { ...OPTIONS, recoveryPoint: 25 } })
  expect(outcome.kind).toBe('corrupt')
  await jobs.close()
})
