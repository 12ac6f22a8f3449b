/** A broker from start to clean stop, with what can go wrong at the start told for people. */
import { CorruptFile } from '../../engine/log/corrupt-file.ts'
import { DiskError } from '../../engine/log/disk.ts'
import { MetaStoreCorrupt } from '../../engine/metastore/embedded-store.ts'
import { type Broker, type BrokerOptions, startBroker } from '../../net/broker.ts'
import { StartRefused } from '../../net/data-folders.ts'
import { FolderLocked } from '../../net/folder-lock.ts'
import { ListenError } from '../../net/listener.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import { VERSION } from './version.ts'

/** Serves until `stopped`; resolves after the clean stop. */
export async function runBroker(
  options: Omit<BrokerOptions, 'version' | 'startedMs'>,
  stopped: Promise<unknown>,
): Promise<void> {
  let broker: Broker
  try {
    // Counted from the start of the process.
    broker = await startBroker({ ...options, version: VERSION, startedMs: 0 })
  } catch (error) {
    throw startFailure(error)
  }
  await stopped
  await broker.stop()
}

function startFailure(error: unknown): unknown {
  if (
    error instanceof StartRefused ||
    error instanceof FolderLocked ||
    error instanceof ListenError ||
    error instanceof MetaStoreCorrupt
  )
    return new CommandFailure(ExitCode.failed, 'the broker did not start', error.message)
  if (error instanceof DiskError)
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
