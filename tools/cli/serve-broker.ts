/**
 * Runs a broker in this process until SIGTERM or Ctrl-C: what `sluice serve` and `kafka-server-start`
 * share. The shard threads are started as soon as the configuration is known; this thread loads the
 * broker's code while they load it too.
 */
import { consoleLogger, logStyle } from '../../net/console-logger.ts'
import { startShardThreads } from '../../net/shard-threads.ts'
import { brokerConfig, loadConfig, type ServeRequest } from './broker-config.ts'
import { ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'
import { removePidFile } from './pid-file.ts'
import { exitCodeOf, serveSignals } from './serve-signals.ts'
import { ServiceManager } from './service-manager.ts'

/** Resolves with the exit code after a clean stop. */
export async function serveBroker(request: ServeRequest, io: CommandIo): Promise<number> {
  // Set before anything slow, so that an early Ctrl-C is a clean stop too.
  const interrupted = io.interrupted()
  // One that comes before the broker serves finds the file as it was read: nothing to do.
  let onHangup = (): void => {}
  const signals = serveSignals({ hangup: () => onHangup() })
  const stopped = Promise.race([interrupted, signals.abandoned])
  try {
    const loaded = await brokerConfig(request, io)
    const { config, warnings } = loaded
    const style = logStyle(config)
    const logger = consoleLogger(style, 'sluice')
    for (const warning of warnings) logger.warn(warning)
    const exit = (code: number): void => process.exit(code)
    void signals.insisted.then((signal) => {
      logger.warn(`a further ${signal}: ended at once; the next start checks the ends of all logs`)
      removePidFile(io)
      exit(exitCodeOf(signal))
    })
    const threads = startShardThreads(config, logger, exit)
    const { runBroker } = await import('./run-broker.ts').catch((error: unknown) => {
      // They would keep the process alive.
      threads.abandon()
      throw error
    })
    await runBroker({ config, logStyle: style, logger, exit, threads }, stopped, {
      manager: new ServiceManager({ env: io.env, logger }),
      loaded,
      load: () => loadConfig(request, io),
      onHangup(listener) {
        onHangup = listener
      },
    })
    return ExitCode.done
  } finally {
    signals.close()
    removePidFile(io)
    // As by default. An ordinary end would set up the terminal that is gone, on which Node aborts.
    if (await Promise.race([signals.abandoned, null])) process.kill(process.pid, 'SIGHUP')
  }
}
