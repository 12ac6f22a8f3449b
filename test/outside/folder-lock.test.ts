/** A data folder's lock against a program that locks as Kafka does: a Java process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { FolderLocked, lockFolder } from '../../net/folder-lock.ts'
import { loadRecordLocks } from '../../net/record-lock.ts'
import { endChild, runCommand } from '../support/child-processes.ts'
import { describeWith } from '../support/outside.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-java-lock-'))
afterAll(() => rmSync(folder, { recursive: true }))

const LOCKER = `import java.io.*; import java.nio.channels.*; import java.nio.file.*;
  public class Locker { public static void main(String[] a) throws Exception {
    FileChannel c = FileChannel.open(Path.of(a[0]), StandardOpenOption.CREATE,
      StandardOpenOption.READ, StandardOpenOption.WRITE);
    System.out.println(c.tryLock() != null); System.in.read(); } }`

/** Java that runs a program from its source. */
async function jdk(): Promise<object | string> {
  const { stdout } = await runCommand('java', ['--list-modules'], { limitMs: 30_000 })
  return stdout.includes('jdk.compiler') ? {} : 'no JDK on this machine'
}

describeWith(await jdk(), 'folder lock', () => {
  it('excludes a Java process, and is excluded by it', async () => {
    const source = join(folder, 'Locker.java')
    writeFileSync(source, LOCKER)
    const child = spawn('java', [source, join(folder, '.lock')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    try {
      const [said] = await once(child.stdout, 'data')
      expect(String(said)).toBe('true\n')
      for (const locks of [loadRecordLocks(), null]) {
        let refusal: unknown
        try {
          lockFolder(folder, locks)
        } catch (error) {
          refusal = error
        }
        expect(refusal).toBeInstanceOf(FolderLocked)
        expect(refusal).toMatchObject({ pid: child.pid })
      }
    } finally {
      await endChild(child, 'SIGKILL')
    }
    const lock = lockFolder(folder, loadRecordLocks())
    const refused = await runCommand('java', [source, join(folder, '.lock')], {
      limitMs: 30_000,
      input: '\n',
    })
    expect(refused.stdout).toBe('false\n')
    lock.release()
  })
})
