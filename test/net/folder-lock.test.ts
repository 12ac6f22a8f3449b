import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FolderLocked, lockFolder } from '../../net/folder-lock.ts'
import { loadRecordLocks } from '../../net/record-lock.ts'

const HOLDER = new URL('../support/hold-lock.ts', import.meta.url).pathname
const children: ChildProcess[] = []
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-lock-'))
})
afterEach(async () => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  rmSync(folder, { recursive: true, force: true })
})

/** Starts another process on the folder; resolves with its first line. */
async function otherProcess(kind: string): Promise<{ child: ChildProcess; says: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', HOLDER, folder, kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  children.push(child)
  const [chunk] = await once(child.stdout!, 'data')
  return { child, says: String(chunk).trim() }
}

function failure(call: () => unknown): FolderLocked {
  try {
    call()
  } catch (error) {
    if (error instanceof FolderLocked) return error
    throw error
  }
  throw new Error('the folder was free')
}

const locksOf = (kind: string) => (kind === 'held' ? loadRecordLocks() : null)

describe('folder lock', () => {
  it('has kernel locks on this platform', () => {
    expect(loadRecordLocks()).not.toBe(null)
  })

  for (const kind of ['held', 'plain']) {
    it(`${kind}: is given back and can be taken again`, () => {
      for (let i = 0; i < 3; i++) {
        const lock = lockFolder(folder, locksOf(kind))
        expect(lock.kind).toBe(kind)
        expect(JSON.parse(readFileSync(join(folder, '.lock'), 'utf8')).pid).toBe(process.pid)
        expect(failure(() => lockFolder(folder, locksOf(kind))).pid).toBe(process.pid)
        lock.release()
        lock.release()
      }
      expect(readdirSync(folder).filter((name) => name !== '.lock')).toEqual([])
    })

    for (const other of ['held', 'plain'])
      it(`${kind}: refuses a folder that another process has as ${other}, naming both`, async () => {
        const { child, says } = await otherProcess(other)
        expect(says).toBe(other)
        const error = failure(() => lockFolder(folder, locksOf(kind)))
        expect(error.pid).toBe(child.pid)
        expect(error.message).toContain(folder)
        expect(error.message).toContain(`process ${child.pid}`)
        child.stdin!.end()
        await once(child, 'exit')
        lockFolder(folder, locksOf(kind)).release()
      })

    it(`${kind}: makes a second process give up with a message that names us`, async () => {
      const lock = lockFolder(folder, locksOf(kind))
      const { says } = await otherProcess(kind)
      expect(says).toContain(`${folder} is in use by process ${process.pid}`)
      lock.release()
    })

    it(`${kind}: is free after its holder was killed`, async () => {
      const { child, says } = await otherProcess(kind)
      expect(says).toBe(kind)
      child.kill('SIGKILL')
      await once(child, 'exit')
      lockFolder(folder, locksOf(kind)).release()
    })

    it(`${kind}: takes a lock file that an older Kafka left empty`, () => {
      writeFileSync(join(folder, '.lock'), '')
      lockFolder(folder, locksOf(kind)).release()
    })

    it(`${kind}: is not fooled by a process that reuses the id of the owner`, () => {
      const owner = { kind: 'plain', pid: process.ppid, startTime: '1', bootId: 'another boot' }
      writeFileSync(join(folder, '.lock'), JSON.stringify(owner))
      lockFolder(folder, locksOf(kind)).release()
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
      writeFileSync(join(folder, '.lock'), JSON.stringify({ ...owner, bootId: boot }))
      lockFolder(folder, locksOf(kind)).release()
    })
  }
})
