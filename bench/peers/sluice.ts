/** sluice as users start it: `sluice serve` from this tree, or from another one to compare with. */
import { existsSync } from 'node:fs'
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
  const compiled = existsSync(join(dirname(binary), '../dist/tools/sluice.js'))
  return {
    name: options.name,
    setting: [
      `${binary} (${compiled ? 'compiled, dist/' : 'from its sources'})`,
      ...options.overrides,
    ].join(' '),
    missing: () => (existsSync(binary) ? null : `${binary} does not exist`),
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
