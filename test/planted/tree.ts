/** A copy of the sources in which bugs are planted, one at a time. */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PlantedBug } from './bugs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Large and only read: not copied. */
const LINKED = ['node_modules', 'test/golden']

/** Why the bug cannot be planted in this text; null when it can. */
export function plantingProblem(text: string, { file, from }: PlantedBug): string | null {
  const count = text.split(from).length - 1
  return count === 1 ? null : `${file} holds the text ${count} times, not once: ${from.trim()}`
}

export function sourceOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

export class PlantedTree {
  readonly root = mkdtempSync(join(tmpdir(), 'sluice-planted-'))

  constructor() {
    const listed = ['ls-files', '--cached', '--others', '--exclude-standard']
    const files = execFileSync('git', listed, { cwd: ROOT, encoding: 'utf8' }).split('\n')
    for (const file of files) {
      const isLinked = LINKED.some((path) => file === path || file.startsWith(`${path}/`))
      if (file === '' || isLinked) continue
      mkdirSync(join(this.root, dirname(file)), { recursive: true })
      cpSync(join(ROOT, file), join(this.root, file), { force: true })
    }
    for (const path of LINKED) {
      mkdirSync(join(this.root, dirname(path)), { recursive: true })
      symlinkSync(join(ROOT, path), join(this.root, path))
    }
  }

  /** Runs with the bug in place, and takes it out again. */
  async withBug<T>(bug: PlantedBug, run: () => Promise<T>): Promise<T> {
    const path = join(this.root, bug.file)
    const text = readFileSync(path, 'utf8')
    const problem = plantingProblem(text, bug)
    if (problem !== null) throw new Error(problem)
    // A function, so that dollar signs mean nothing.
    writeFileSync(
      path,
      text.replace(bug.from, () => bug.to),
    )
    try {
      return await run()
    } finally {
      writeFileSync(path, text)
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
