/**
 * T8 as a lane: power losses of a real ext4, for a time box.
 *
 *   npx tsx test/power-loss/run.ts [--seconds N] [--cycles N] [--seed N] [--compiled] [--record]
 *
 * The target is 60 cycles in 150 s. Without root, loop devices, mkfs.ext4 or python3 it is skipped,
 * and says so.
 */
import { runCycleLane } from '../support/cycle-lane.ts'
import { runPowerLoss } from './cycles.ts'
import { volumesMissing } from './ext4-volume.ts'

/** By then every volume has been compacted. */
const CYCLES_WITHOUT_COMPACTION = 3

await runCycleLane({
  name: 'power loss',
  title: 'power loss on ext4 (T8)',
  script: 'test/power-loss/run.ts',
  secondsPerCycle: 2.5,
  secondsByDefault: 150,
  cyclesPerLine: 10,
  missing: volumesMissing,
  async run(options) {
    const result = await runPowerLoss(options)
    const { cycles, problems, compactedAway } = result
    if (compactedAway === 0 && cycles > CYCLES_WITHOUT_COMPACTION)
      problems.push('nothing was ever compacted')
    const oldestMs = Math.round(result.asyncOldestMs)
    return {
      ...result,
      skipped: [],
      words:
        `on ${result.volumes} volumes; ${result.acknowledged} records acknowledged; with async ` +
        `${result.asyncLost} lost, acknowledged up to ${oldestMs} ms before; up to ` +
        `${compactedAway} records of a partition compacted away; ${result.commits} commits and ` +
        `up to ${result.topics} topics a volume kept; ` +
        `slowest start ${Math.round(result.slowestStartMs)} ms`,
      counts: {
        'power losses': cycles,
        'file systems': result.volumes,
        'records acknowledged': result.acknowledged,
        'lost with flush=group': 0,
        'lost with flush=async': `${result.asyncLost}, acknowledged up to ${oldestMs} ms before`,
        'records compacted away in one partition': compactedAway,
        'commits of positions': result.commits,
      },
    }
  },
})
