/**
 * Runs a broker in this process until SIGTERM or Ctrl-C: what `sluice serve` and `kafka-server-start`
 * share. The shard threads are started as soon as the configuration is known; this thread loads the
 * broker's code while they load it too.
 */
import { consoleLogger } from '../../net/console-logger.ts'
import { startShardThreads } from '../../net/shard-threads.ts'
import { brokerConfig, type ServeRequest } from './broker-config.ts'
import { ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'

export { brokerConfig } from './broker-config.ts'
export { serveDaemon } from './serve-daemon.ts'

/** Resolves with the exit code after a clean stop. */
export async function serveBroker(request: ServeRequest, io: CommandIo): Promise<number> {
  // Set before anything slow, so that an early Ctrl-C is a clean stop too.
  const stopped = io.interrupted()
  const config = await brokerConfig(request, io)
  const logStyle = { format: request.logFormat, level: 'info' } as const
  const logger = consoleLogger(logStyle, 'sluice')
  const exit = (code: number): void => process.exit(code)
  const threads = startShardThreads(config, logger, exit)
  const { runBroker } = await import('./run-broker.ts')
  await runBroker({ config, logStyle, logger, exit, threads }, stopped)
  return ExitCode.done
}
