/** A broker from start to clean stop, with what can go wrong at the start told for people. */
import type { Logger } from '../../engine/base/logger.ts'
import { CorruptFile } from '../../engine/log/corrupt-file.ts'
import { MetaStoreCorrupt } from '../../engine/metastore/embedded-store.ts'
import { type Broker, type BrokerOptions, startBroker } from '../../net/broker.ts'
import { isSystemError, StartRefused } from '../../net/data-folders.ts'
import { FolderLocked } from '../../net/folder-lock.ts'
import { ListenError } from '../../net/listener.ts'
import type { LoadedConfig } from '../../net/server-properties.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import { Hangups } from './hangups.ts'
import type { ServiceManager } from './service-manager.ts'
import { VERSION } from './version.ts'

export interface Surroundings {
  readonly manager: ServiceManager
  readonly loaded: LoadedConfig
  /** Reads the configuration again. */
  load(): Promise<LoadedConfig>
  /** Calls the listener at each SIGHUP from now on. */
  onHangup(listener: () => void): void
}

/** Serves until `stopped`; resolves after the clean stop. */
export async function runBroker(
  options: Omit<BrokerOptions, 'version' | 'startedMs' | 'logger'> & { readonly logger: Logger },
  stopped: Promise<unknown>,
  surroundings: Surroundings,
): Promise<void> {
  const { manager, load, loaded: started } = surroundings
  const { logger } = options
  let broker: Broker
  manager.starting()
  try {
    // Counted from the start of the process.
    broker = await startBroker({ ...options, version: VERSION, startedMs: 0 })
  } catch (error) {
    manager.close()
    throw startFailure(error)
  }
  manager.ready(servingStatus(broker))
  const hangups = new Hangups({ broker, started, logger, manager, load })
  surroundings.onHangup(() => void hangups.handle())
  await stopped
  surroundings.onHangup(() => {})
  manager.stopping()
  await broker.stop()
  manager.close()
}

/** What `systemctl status` shows. */
function servingStatus(broker: Broker): string {
  const where = broker.listeners.map(({ name, port }) => `${name} on port ${port}`)
  return `serving ${where.join(', ')}`
}

function startFailure(error: unknown): unknown {
  if (
    error instanceof StartRefused ||
    error instanceof FolderLocked ||
    error instanceof ListenError ||
    error instanceof MetaStoreCorrupt
  )
    return new CommandFailure(ExitCode.failed, 'the broker did not start', error.message)
  if (isSystemError(error))
    return new CommandFailure(
      ExitCode.failed,
      'the broker did not start',
      error.message,
      'check that the data folder exists, belongs to this user and has free space',
    )
  if (error instanceof CorruptFile)
    return new CommandFailure(
      ExitCode.failed,
      'the broker did not start',
      error.message,
      'restore that file from a backup, or set log.dirs to another folder',
    )
  return error
}
