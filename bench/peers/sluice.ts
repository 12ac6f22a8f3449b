/** sluice as users start it: `sluice serve` from this tree, or from another one to compare with. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Peer } from './peer.ts'

const BINARY = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url))

export interface SluiceOptions {
  readonly name: string
  /** Path of a bin/sluice.js; null: this tree's. */
  readonly binary: string | null
  /** key=value lines. */
  readonly overrides: readonly string[]
  readonly nodeOptions: readonly string[]
}

export function sluicePeer(options: SluiceOptions): Peer {
  const binary = options.binary === null ? BINARY : resolve(options.binary)
  return {
    name: options.name,
    setting: [`${binary} (${buildOf(join(dirname(binary), '..'))})`, ...options.overrides].join(
      ' ',
    ),
    syncConfigs: [{ name: 'sluice.flush.mode', value: 'group' }],
    servesClients: true,
    compilesInTime: true,
    missing: async () => (existsSync(binary) ? null : `${binary} does not exist`),
    prepare: () => {},
    command: ({ folder, port }) => {
      const settings = [
        `listeners=PLAINTEXT://127.0.0.1:${port}`,
        `log.dirs=${join(folder, 'data')}`,
        'log.segment.delete.delay.ms=100',
        ...options.overrides,
      ]
      const flags = settings.flatMap((setting) => ['--override', setting])
      return {
        command: process.execPath,
        args: [...options.nodeOptions, binary, 'serve', ...flags],
      }
    },
  }
}

/** What bin/sluice.js will run, and a loud word when that is older than the sources beside it. */
function buildOf(root: string): string {
  const compiled = changedMs(join(root, 'dist/tools/sluice.js'))
  if (compiled === 0) return 'from its sources: slower to start than a build'
  const bundled = changedMs(join(root, 'dist/bundle/sluice.cjs'))
  const kind = bundled >= compiled ? 'bundle' : 'compiled'
  const newest = Math.max(...['engine', 'workers', 'net'].map((part) => newestMs(join(root, part))))
  return newest > Math.max(compiled, bundled) ? `${kind}, OLDER THAN ITS SOURCES` : kind
}

function changedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function newestMs(folder: string): number {
  if (!existsSync(folder)) return 0
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return Math.max(
    0,
    ...files.filter((file) => file.endsWith('.ts')).map((file) => changedMs(join(folder, file))),
  )
}
