/**
 * The marker of a clean stop (.kafka_cleanshutdown;
 * org.apache.kafka.storage.internals.checkpoint.CleanShutdownFileHandler): written last at a stop,
 * removed at the next start before anything is appended, so that it only ever skips work (S9):
 *
 *   {"version":0,"brokerEpoch":1128}           no newline at the end
 */
import type { Disk } from './disk.ts'

export const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown'

export function formatCleanShutdown(brokerEpoch: number): string {
  return JSON.stringify({ version: 0, brokerEpoch })
}

/** The broker epoch of the stop; -1 when the content says nothing (older brokers left it empty). */
export function parseCleanShutdown(content: Buffer): number {
  const match = /"brokerEpoch"\s*:\s*(-?\d{1,16})\b/.exec(content.toString('utf8'))
  const epoch = Number(match?.[1] ?? -1)
  return Number.isSafeInteger(epoch) ? epoch : -1
}

export function writeCleanShutdown(
  disk: Disk,
  dataFolder: string,
  brokerEpoch: number,
): Promise<void> {
  const path = `${dataFolder}/${CLEAN_SHUTDOWN_FILE}`
  return disk.writeFileAtomic(path, formatCleanShutdown(brokerEpoch))
}

/** Removes the marker durably; null when there was none: the logs need recovery. */
export async function takeCleanShutdown(
  disk: Disk,
  dataFolder: string,
): Promise<{ readonly brokerEpoch: number } | null> {
  const path = `${dataFolder}/${CLEAN_SHUTDOWN_FILE}`
  const content = await disk.readFile(path)
  if (content === null) return null
  await disk.unlink(path)
  await disk.syncDir(dataFolder)
  return { brokerEpoch: parseCleanShutdown(content) }
}
