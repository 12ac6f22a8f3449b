import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { CheckpointFile, writeOffsetCheckpoint } from '../../../engine/log/checkpoints.ts'
import { writeCleanShutdown } from '../../../engine/log/clean-shutdown.ts'
import { NodeDisk } from '../../../engine/log/node-disk.ts'
import { SegmentSuffix, segmentFileName } from '../../../engine/log/segment-files.ts'
import { lockFolder } from '../../../net/folder-lock.ts'
import { runCli } from '../../support/cli.ts'
import { labelled, openLog, put, readAll } from '../../support/log-rig.ts'

const disk = new NodeDisk()
const BATCHES = 30
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

interface Folder {
  readonly data: string
  readonly dir: string
  readonly bases: readonly number[]
}

/** A data folder as after a clean stop, with one partition of several segments. */
async function dataFolder(): Promise<Folder> {
  const data = mkdtempSync(join(tmpdir(), 'sluice-log-command-'))
  folders.push(data)
  writeFileSync(join(data, 'meta.properties'), 'version=1\n')
  const dir = join(data, 'orders-0')
  const log = await openLog(disk, {}, { dir })
  for (let i = 0; i < BATCHES; i++) put(log, labelled(`${i}`.padEnd(120, '.')))
  const bases = log.segmentBaseOffsets()
  await log.close('clean')
  const points = new Map([['orders-0', BATCHES]])
  await writeOffsetCheckpoint(disk, data, CheckpointFile.recoveryPoint, points)
  await writeCleanShutdown(disk, data, 7)
  return { data, dir, bases }
}

const logFile = ({ dir }: Folder, base: number, suffix: string = SegmentSuffix.log) =>
  join(dir, segmentFileName(base, suffix))

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 0x40
  writeFileSync(path, bytes)
}

async function offsets(dir: string): Promise<number[]> {
  const log = await openLog(disk, {}, { dir })
  const found = (await readAll(log)).map(({ baseOffset }) => baseOffset)
  await log.close('clean')
  return found
}

const without = (lost: number): number[] =>
  Array.from({ length: BATCHES }, (_, at) => at).filter((at) => at !== lost)

describe('sluice log verify', () => {
  it('says of each segment that it is whole, for a partition or a data folder', async () => {
    const folder = await dataFolder()
    for (const given of [folder.dir, folder.data]) {
      const { code, stdout } = await runCli(['log', 'verify', given, '--format', 'json'])
      expect(code).toBe(0)
      const rows = JSON.parse(stdout) as Record<string, unknown>[]
      expect(rows.map(({ segment }) => segment)).toEqual(folder.bases)
      expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['whole']))
      expect(rows.at(-1)).toMatchObject({
        partition: 'orders-0',
        endOffset: BATCHES,
        problems: null,
      })
    }
    const { stdout } = await runCli(['log', 'verify', folder.dir])
    expect(stdout).toMatch(/^PARTITION +SEGMENT +STATE.*\norders-0 +0 +whole/)
  })

  it('finds damage, names it, and says what to do', async () => {
    const folder = await dataFolder()
    flip(logFile(folder, folder.bases[1]!), 100)
    writeFileSync(logFile(folder, folder.bases[0]!, SegmentSuffix.offsetIndex), 'rubbish')
    const { code, stdout, stderr } = await runCli(['log', 'verify', folder.dir, '--format', 'json'])
    expect(code).toBe(6)
    const rows = JSON.parse(stdout) as { state: string; problems: string[] | null }[]
    expect(rows.slice(0, 2).map(({ state }) => state)).toEqual(['index', 'corrupt'])
    expect(rows[1]?.problems?.join()).toMatch(/\.log: crc .* at 0 of/)
    expect(stderr).toContain('sluice log salvage')
    expect(stderr).toContain('sluice log rebuild-index')
  })

  it('takes a bad end for torn when the broker was not stopped cleanly', async () => {
    const folder = await dataFolder()
    rmSync(join(folder.data, '.kafka_cleanshutdown'))
    await writeOffsetCheckpoint(disk, folder.data, CheckpointFile.recoveryPoint, new Map())
    const last = logFile(folder, folder.bases.at(-1)!)
    writeFileSync(last, Buffer.concat([readFileSync(last), Buffer.alloc(50)]))
    const { code, stdout, stderr } = await runCli(['log', 'verify', folder.dir])
    expect(code).toBe(0)
    expect(stdout).toContain('torn')
    expect(stderr).toContain('cuts it off')
  })

  it('keeps off a folder that a broker holds, and one that is none', async () => {
    const folder = await dataFolder()
    const lock = lockFolder(folder.data)
    try {
      for (const verb of ['rebuild-index', 'salvage']) {
        const { code, stderr } = await runCli(['log', verb, folder.dir])
        expect(code).toBe(1)
        expect(stderr).toContain(`in use by process ${process.pid}`)
      }
    } finally {
      lock.release()
    }
    const { code, stderr } = await runCli(['log', 'verify', tmpdir()])
    expect(code).toBe(1)
    expect(stderr).toContain('is no partition folder')
  })
})

describe('sluice log rebuild-index', () => {
  it('makes what was damaged again, byte for byte', async () => {
    const folder = await dataFolder()
    const path = logFile(folder, folder.bases[1]!, SegmentSuffix.offsetIndex)
    const good = readFileSync(path)
    expect(good.length).toBeGreaterThan(0)
    writeFileSync(path, Buffer.alloc(5))
    const interval = ['--index-interval-bytes', '300']
    const { code, stdout } = await runCli(['log', 'rebuild-index', folder.dir, ...interval])
    expect(code).toBe(0)
    expect(stdout).toContain('orders-0')
    expect(readFileSync(path)).toEqual(good)
    expect((await runCli(['log', 'verify', folder.dir])).code).toBe(0)
  })

  it('refuses a damaged log in words', async () => {
    const folder = await dataFolder()
    flip(logFile(folder, folder.bases[1]!), 100)
    const { code, stderr } = await runCli(['log', 'rebuild-index', folder.dir])
    expect(code).toBe(1)
    expect(stderr).toMatch(/cannot rebuild all indexes\n {2}why: .*corrupt at byte 0/)
    expect(stderr).toContain('sluice log verify')
  })
})

describe('sluice log salvage', () => {
  it('mends a folder in place: one batch lost, the damaged file kept, the broker may start', async () => {
    const folder = await dataFolder()
    const damaged = folder.bases[1]!
    flip(logFile(folder, damaged), 100)
    const { code, stdout, stderr } = await runCli([
      'log',
      'salvage',
      folder.dir,
      '--format',
      'json',
    ])
    expect(code).toBe(0)
    expect((JSON.parse(stdout) as unknown[])[1]).toMatchObject({
      segment: damaged,
      lostOffsets: [`${damaged}..${damaged}`],
      original: `${segmentFileName(damaged, '.log')}.damaged`,
    })
    expect(stderr).toMatch(/bytes in 1 places could not be saved; the log ends at 30/)
    expect((await runCli(['log', 'verify', folder.dir])).code).toBe(0)
    expect(await offsets(folder.dir)).toEqual(without(damaged))
    const points = readFileSync(join(folder.data, CheckpointFile.recoveryPoint), 'utf8')
    expect(points).toContain('orders 0 30')
  })

  it('writes a new folder and leaves the damaged one', async () => {
    const folder = await dataFolder()
    const damaged = folder.bases[1]!
    flip(logFile(folder, damaged), 100)
    const before = readFileSync(logFile(folder, damaged))
    const target = join(folder.data, 'saved-0')
    expect((await runCli(['log', 'salvage', folder.dir, '--into', target])).code).toBe(0)
    expect(readFileSync(logFile(folder, damaged))).toEqual(before)
    expect(await offsets(target)).toEqual(without(damaged))
    const again = await runCli(['log', 'salvage', folder.dir, '--into', target])
    expect(again.code).toBe(1)
    expect(again.stderr).toContain(`${target} exists`)
  })
})
