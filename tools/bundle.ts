/**
 * The second half of `npm run build`: what tsc wrote to dist/ joined into a few files under
 * dist/bundle/. Only a matter of speed: Node loads 290 small modules in 230 ms and these in 60, and
 * every shard thread loads them again. bin/sluice.js prefers the bundle unless dist/ is newer.
 *
 * Entries lie so that threadEntry('./thread') and threadEntry('./jobs/…') find them beside the chunk
 * that asks. Packages with native parts or large ones that few commands need stay outside.
 */
import { realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { packageRoot } from './package-root.ts'

const OUTSIDE = [
  '@bokuweb/zstd-wasm',
  '@node-rs/crc32',
  '@platformatic/kafka',
  'cli-progress',
  'fast-crc32c',
  'kafkajs',
  'koffi',
  'lz4-napi',
  'piscina',
  'snappy',
]

/** Bundles the files with `extension` below `root` into the folder `target`, which is replaced. */
export async function bundle(root: string, extension: 'js' | 'ts', target: string): Promise<void> {
  const entry = (path: string): string => join(root, `${path}.${extension}`)
  rmSync(target, { recursive: true, force: true })
  await build({
    entryPoints: {
      sluice: entry('tools/sluice'),
      thread: entry('net/thread'),
      'jobs/recover-log': entry('workers/jobs/recover-log'),
    },
    outdir: target,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: OUTSIDE,
    sourcemap: 'linked',
    logLevel: 'warning',
    // Packages in CommonJS ask for Node's own modules by require, which ES modules do not have.
    banner: {
      js:
        "import { createRequire as requireFrom } from 'node:module'\n" +
        'const require = requireFrom(import.meta.url)',
    },
  })
}

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) {
  const dist = join(packageRoot, 'dist')
  await bundle(dist, 'js', join(dist, 'bundle'))
}
