/**
 * The floor as a peer: floor.c, compiled with cc when it is missing or older than its source. The least
 * that Kafka's protocol costs on this machine; every throughput cell is held against it.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Peer } from './peer.ts'

const SOURCE = fileURLToPath(new URL('./floor.c', import.meta.url))
const BINARY = join(tmpdir(), `sluice-floor-${process.getuid?.() ?? 0}`)
const FLAGS = ['-O2', '-Wall', '-Wextra', '-Werror', '-msse4.2']

export const floorPeer: Peer = {
  name: 'floor',
  setting: `bench/peers/floor.c, cc ${FLAGS.join(' ')}`,
  syncConfigs: [{ name: 'flush.messages', value: '1' }],
  servesClients: false,
  compilesInTime: false,
  async missing() {
    try {
      compileFloor()
      return null
    } catch (error) {
      return `bench/peers/floor.c does not compile here: ${(error as Error).message}`
    }
  },
  prepare: ({ folder }) => mkdirSync(join(folder, 'data')),
  command: ({ folder, port }) => ({
    command: BINARY,
    args: [String(port), join(folder, 'data')],
  }),
}

function compileFloor(): void {
  if (existsSync(BINARY) && statSync(BINARY).mtimeMs > statSync(SOURCE).mtimeMs) return
  execFileSync('cc', [...FLAGS, '-o', BINARY, SOURCE], { stdio: 'pipe' })
}
