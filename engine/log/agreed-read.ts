/**
 * Reads of bytes that Kafka's formats protect by no sum, where one wrong bit would decide what is a log's end
 * or what may be cut off: they are read twice, and a third time when the two differ. So no single wrong
 * read decides; bits that are wrong on the medium are for the sums and the checks of the log.
 */
import { type Disk, DiskError, type DiskFile, readFullySync } from './disk.ts'

/** A small file as two reads agree on it; null when there is none. Throws DiskError. */
export async function readFileAgreed(disk: Disk, path: string): Promise<Buffer | null> {
  const first = await disk.readFile(path)
  const second = await disk.readFile(path)
  if (isSame(first, second)) return second
  const third = await disk.readFile(path)
  if (isSame(first, third) || isSame(second, third)) return third
  throw new DiskError('EIO', path, 'no two reads agree of')
}

function isSame(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

/**
 * Reads `bytes`, which came from `position` of the file, again, and makes them what two reads agree on. In
 * the calling thread: they were read just now.
 */
export function agree(file: DiskFile, bytes: Buffer, position: number): void {
  const second = readAgain(file, bytes, position)
  if (second.equals(bytes)) return
  const third = readAgain(file, bytes, position)
  if (third.equals(second)) third.copy(bytes)
  else if (!third.equals(bytes)) throw new DiskError('EIO', file.path, 'no two reads agree of')
}

function readAgain(file: DiskFile, { length }: Buffer, position: number): Buffer {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readFullySync(file, bytes, position))
}
