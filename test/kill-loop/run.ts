/**
 * T7 as a lane: kill -9 under live clients, for a time box.
 *
 *   npx tsx test/kill-loop/run.ts [--seconds N] [--cycles N] [--seed N] [--compiled] [--record]
 *
 * The target is a cycle in 2 s, twice the rate of 150 in ten minutes, which is the least.
 */
import { runCycleLane } from '../support/cycle-lane.ts'
import { runKillLoop } from './loop.ts'

await runCycleLane({
  name: 'kill loop',
  title: 'kill -9 under live clients (T7)',
  script: 'test/kill-loop/run.ts',
  secondsPerCycle: 2,
  secondsByDefault: 200,
  cyclesPerLine: 20,
  async run(options) {
    const result = await runKillLoop(options)
    return {
      ...result,
      words:
        `${result.cleanStops} by a clean stop, ` +
        `${result.killedWhileStarting} killed again while starting; ` +
        `${result.operations} operations, ${result.acknowledged} records acknowledged, ` +
        `${result.unknown} of unknown fate, ${result.doubled} of them doubled by plain clients; ` +
        `${result.commits} commits; slowest start ${Math.round(result.slowestStartMs)} ms`,
      counts: {
        'kill cycles': result.cycles - result.cleanStops,
        'clean stops': result.cleanStops,
        'killed while starting': result.killedWhileStarting,
        operations: result.operations,
        'records acknowledged': result.acknowledged,
        'lost, reordered or doubled': 0,
        commits: result.commits,
      },
    }
  },
})
