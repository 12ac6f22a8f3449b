/**
 * Touches guest memory. On a virtual machine the first write to a page that the hypervisor does not
 * back yet costs about 10 us, so whoever grows the page cache first pays for all who follow: log
 * appends drop from 5 to 0.4 GB/s. Done before every run, this makes runs comparable. The pages are
 * given back at once and stay backed for some seconds.
 */
import { spawn } from 'node:child_process'
import { freemem } from 'node:os'

const CHUNK_MIB = 64
/** The rest stays for page cache and processes. */
const FREE_SHARE = 0.6

const SCRIPT = `const keep = []
for (let i = 0; i < Number(process.argv[1]); i++) keep.push(Buffer.alloc(${CHUNK_MIB} << 20, 1))`

/** GiB that may be touched without pushing others out: `wanted`, or what is free. */
export function touchableGib(wanted: number): number {
  return Math.max(0, Math.min(wanted, (freemem() / 2 ** 30) * FREE_SHARE))
}

/** A process of its own allocates, writes and ends; resolves with the seconds it took. */
export function touchMemory(gib: number): Promise<number> {
  const chunks = Math.floor((touchableGib(gib) * 1024) / CHUNK_MIB)
  if (chunks === 0) return Promise.resolve(0)
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', SCRIPT, String(chunks)], { stdio: 'ignore' })
    child.once('error', reject)
    child.once('exit', () => resolve((performance.now() - start) / 1000))
  })
}
