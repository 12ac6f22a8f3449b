/**
 * A small ext4 file system of its own on a loop device, whose power can be cut: what was not synced is
 * gone, and the next mount replays the journal. Needs root, loop devices, mkfs.ext4 and python3.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CUT_POWER = fileURLToPath(new URL('cut-power.py', import.meta.url))
const VOLUME_BYTES = 512 * 1024 * 1024
const UNMOUNT_ATTEMPTS = 50

/** `journal`: the journal is written out at the cut. `nothing`: not even that. */
export type CutKind = 'journal' | 'nothing'

/** Why volumes cannot be made here; null when they can. Makes one to find out. */
export function volumesMissing(folder: string): string | null {
  if (process.getuid?.() !== 0) return 'not root: no file system can be mounted'
  for (const command of ['losetup', 'mkfs.ext4', 'python3'])
    if (spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0) return `no ${command}`
  try {
    const volume = new Ext4Volume(folder, 'probe', '')
    try {
      volume.mount()
      volume.cutPower('nothing')
    } finally {
      volume.remove()
    }
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export class Ext4Volume {
  readonly mountPoint: string
  private readonly image: string
  private readonly options: string
  private readonly device: string
  private mounted = false

  /** `options` as for mount -o; empty for the defaults (data=ordered). */
  constructor(folder: string, name: string, options: string) {
    this.image = join(folder, `${name}.img`)
    this.mountPoint = join(folder, name)
    this.options = options
    mkdirSync(this.mountPoint, { recursive: true })
    writeFileSync(this.image, '')
    truncateSync(this.image, VOLUME_BYTES)
    run('mkfs.ext4', ['-q', '-F', '-b', '4096', this.image])
    this.device = run('losetup', ['-f', '--show', this.image]).trim()
  }

  mount(): void {
    const options = this.options === '' ? [] : ['-o', this.options]
    run('mount', ['-t', 'ext4', ...options, this.device, this.mountPoint])
    this.mounted = true
  }

  /** Between these two times, on the clock of performance.now(), the power went. */
  cutPower(kind: CutKind): { readonly beforeMs: number; readonly afterMs: number } {
    const flag = kind === 'journal' ? '1' : '2'
    const [before = 0, after = 0] = run('python3', [CUT_POWER, this.mountPoint, flag])
      .split(' ')
      .map(Number)
    // Both clocks are monotonic and differ by when they began.
    const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now()
    return { beforeMs: before - offset, afterMs: after - offset }
  }

  unmount(): void {
    if (!this.mounted) return
    // A process that has just been killed may hold it for a moment.
    for (let attempt = 1; ; attempt++) {
      const result = spawnSync('umount', [this.mountPoint], { encoding: 'utf8' })
      if (result.status === 0) break
      if (attempt === UNMOUNT_ATTEMPTS) throw new Error(`umount: ${result.stderr}`)
      spawnSync('sleep', ['0.05'])
    }
    this.mounted = false
  }

  remove(): void {
    this.unmount()
    run('losetup', ['-d', this.device])
    rmSync(this.image)
    rmSync(this.mountPoint, { recursive: true })
  }
}

function run(command: string, args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
