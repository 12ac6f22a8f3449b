/**
 * What a CRC-32C costs per call, by size and implementation, over private and shared memory.
 * Decides the order of implementations and the table's upper size in engine/base/crc32c.ts.
 * Run: npx tsx bench/crc32c.ts
 */
import { Bench } from 'tinybench'
import { crc32c, crc32cImplementations } from '../engine/base/crc32c.ts'
import { machine, medianNs } from './machine.ts'

const SIZES = [40, 61, 100, 128, 160, 200, 256, 512, 1024, 4096, 16_384, 65_536, 1_048_576]

/** Prints one row per size; `timeMs` is the time given to each cell. */
export async function benchCrc32c(timeMs: number, print: (line: string) => void): Promise<void> {
  const shared = Buffer.from(new SharedArrayBuffer(SIZES.at(-1)! + 64))
  for (let at = 0; at < shared.length; at++) shared[at] = (at * 131) >> 3
  const columns = [...crc32cImplementations(), { name: 'chosen' as const, calculate: crc32c }]
  print(machine())
  print(`bytes | ${columns.map((column) => `${column.name} ns (MB/s)`).join(' | ')}`)
  for (const bytes of SIZES) {
    const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4 })
    for (const { name, calculate } of columns)
      bench.add(name, () => repeat(calculate, shared, bytes))
    await bench.run()
    const cells = bench.tasks.map((task) => {
      const ns = medianNs(task) / CALLS
      return `${ns.toFixed(0)} (${((bytes / ns) * 1000).toFixed(0)})`
    })
    print(`${bytes} | ${cells.join(' | ')}`)
  }
}

/** Calls per measured step, so that the clock's own cost does not show. */
const CALLS = 20
/** Sums go here so that no call can be dropped. */
const sink = new Uint32Array(1)

function repeat(
  calculate: (buffer: Buffer, start: number, end: number) => number,
  buffer: Buffer,
  bytes: number,
): void {
  for (let at = 0; at < CALLS; at++) sink[0]! ^= calculate(buffer, at, at + bytes)
}

if (process.argv[1] === import.meta.filename) await benchCrc32c(300, (line) => console.log(line))
