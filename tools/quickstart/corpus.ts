/**
 * The quick start's input: every line of the text files below a folder, file by file in path order,
 * keyed by the file's path. Real text: long lines, empty lines, other alphabets.
 */
import { createHash, type Hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const TEXT_NAMES = 'md markdown txt ts tsx js mjs cjs json map yml yaml css html'.replaceAll(
  ' ',
  '|',
)
const TEXT_FILE = new RegExp(`(\\.(${TEXT_NAMES})|LICENSE|NOTICE|README|CHANGELOG)$`, 'i')
/** A file that holds this byte is not text, whatever its name says. */
const NUL = 0
/** One record must stay below the broker's default limit for a batch with room for its neighbours. */
const LINE_BYTES_MAX = 200_000

export interface Line {
  /** Path of the file below the root. */
  readonly key: string
  readonly value: string
}

/** Paths of text files below `root`, sorted so that two runs agree. */
export function textFiles(root: string): string[] {
  const found: string[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile() && TEXT_FILE.test(entry.name)) found.push(path)
    }
  }
  walk(root)
  return found.sort()
}

/** Every line of every text file below `root`. */
export function* linesBelow(root: string): Generator<Line> {
  for (const path of textFiles(root)) {
    const bytes = readFileSync(path)
    if (bytes.includes(NUL)) continue
    const key = relative(root, path)
    for (const line of bytes.toString('utf8').split('\n')) {
      for (let at = 0; at === 0 || at < line.length; at += LINE_BYTES_MAX / 4)
        yield { key, value: line.slice(at, at + LINE_BYTES_MAX / 4) }
    }
  }
}

/** Count and running hash per key: equal on both sides only if nothing is lost, doubled or reordered. */
export class KeyedDigest {
  private readonly hashes = new Map<string, Hash>()
  count = 0

  add(key: string, value: string): void {
    let hash = this.hashes.get(key)
    if (hash === undefined) {
      hash = createHash('md5')
      this.hashes.set(key, hash)
    }
    hash.update(value).update('\n')
    this.count++
  }

  get keys(): number {
    return this.hashes.size
  }

  /** Keys whose hashes differ, or that one side lacks. */
  differences(other: KeyedDigest): string[] {
    const differing: string[] = []
    for (const key of new Set([...this.hashes.keys(), ...other.hashes.keys()])) {
      const mine = this.hashes.get(key)?.copy().digest('hex')
      if (mine === undefined || mine !== other.hashes.get(key)?.copy().digest('hex'))
        differing.push(key)
    }
    return differing
  }
}
