/**
 * Real text for the client lane: the lines of the text files found below node_modules, over and over
 * until there are enough. Empty lines are left out (kcat sends none) and so are very long ones.
 */
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linesBelow } from '../../tools/quickstart/corpus.ts'

const LINE_CHARACTERS_MAX = 4000
const TEXT_ROOT = fileURLToPath(new URL('../../node_modules', import.meta.url))

/** A file of exactly `count` lines in `folder`, made once per run. */
export async function realLines(folder: string, count: number): Promise<string> {
  const path = join(folder, `lines-${count}.txt`)
  if (existsSync(path)) return path
  const file = createWriteStream(path)
  let left = count
  while (left > 0) {
    const before = left
    for (const { value } of linesBelow(TEXT_ROOT)) {
      if (left === 0) break
      if (value === '' || value.length > LINE_CHARACTERS_MAX || value.includes('\r')) continue
      left--
      if (!file.write(`${value}\n`)) await once(file, 'drain')
    }
    if (left === before) throw new Error(`no text below ${TEXT_ROOT}`)
  }
  file.end()
  await once(file, 'close')
  return path
}

/** Count and md5 of bytes with newline-ended lines, and a sum that does not mind their order. */
export class LineDigest {
  lines = 0
  bytes = 0
  private readonly hash: Hash = createHash('md5')
  private rest = Buffer.alloc(0)
  private unorderedSum = 0n
  private readonly unordered: boolean

  /** `unordered` also sums a hash of each line: slower. */
  constructor(unordered = false) {
    this.unordered = unordered
  }

  add(piece: Buffer): void {
    this.hash.update(piece)
    this.bytes += piece.length
    if (!this.unordered) {
      for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) this.lines++
      return
    }
    const all = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece])
    let start = 0
    for (let at = all.indexOf(10); at >= 0; at = all.indexOf(10, start)) {
      this.lines++
      const line = createHash('md5').update(all.subarray(start, at)).digest()
      this.unorderedSum = BigInt.asUintN(64, this.unorderedSum + line.readBigUInt64BE(0))
      start = at + 1
    }
    this.rest = Buffer.from(all.subarray(start))
  }

  /** md5 of everything added, in order. */
  md5(): string {
    return this.hash.copy().digest('hex')
  }

  /** Equal for the same lines in any order. */
  sum(): string {
    return this.unorderedSum.toString(16)
  }
}

export async function digestFile(path: string, unordered = false): Promise<LineDigest> {
  const digest = new LineDigest(unordered)
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }))
    digest.add(piece as Buffer)
  return digest
}
