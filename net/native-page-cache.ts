/**
 * Telling the kernel what to do with a file's pages: begin to write them, by sync_file_range(2), and let
 * them go, by posix_fadvise(2). Either may wait for the device, so both run in libuv's pool. Through koffi,
 * on 64-bit little-endian Linux; elsewhere nobody tells it anything.
 *
 * Only SYNC_FILE_RANGE_WRITE: with a wait the call would report, and so take away, the error that the next
 * fdatasync has to report (S5). Without, it is what the kernel's own flusher does all the time, and as there
 * what goes wrong is kept for that fdatasync.
 */
import type { BrokerConfig } from '../engine/base/config.ts'
import { nativeCalls } from './native-calls.ts'

/** Resolves when the kernel has taken the advice, whatever it made of it. */
type AdvisePageCache = (
  fd: number,
  advice: 'write' | 'drop',
  position: number,
  bytes: number,
) => Promise<void>

const MIB = 1_048_576
const SYNC_FILE_RANGE_WRITE = 2
const POSIX_FADV_DONTNEED = 4

/** Null where it cannot be had. */
export const advisePageCacheNative = nativeCalls<AdvisePageCache>((libc) => {
  const writeOut = libc.func('int sync_file_range(int, int64_t, int64_t, uint32_t)')
  const advise = libc.func('int posix_fadvise(int, int64_t, int64_t, int)')
  return (fd, advice, position, bytes) =>
    new Promise((resolve) => {
      const [call, word] =
        advice === 'write' ? [writeOut, SYNC_FILE_RANGE_WRITE] : [advise, POSIX_FADV_DONTNEED]
      call.async(fd, position, bytes, word, () => resolve())
    })
})

/** The budget of a thread and the call, where the option asks for them and they can be had. */
export function boundedPageCache(
  config: Pick<BrokerConfig, 'sluicePageCachePolicy' | 'sluicePageCacheBytes'>,
): { readonly bytes: number; readonly advise: AdvisePageCache } | null {
  if (config.sluicePageCachePolicy !== 'bounded') return null
  const advise = advisePageCacheNative()
  return advise === null ? null : { bytes: config.sluicePageCacheBytes, advise }
}

/** For the line that says which alternatives run. */
export function pageCacheWord(config: Parameters<typeof boundedPageCache>[0]): string {
  const bounded = boundedPageCache(config)
  if (bounded !== null) return `bounded to ${Math.round(bounded.bytes / MIB)} MiB a thread`
  const wanted = config.sluicePageCachePolicy === 'bounded' ? ' (bounded needs native calls)' : ''
  return `left to the system${wanted}`
}
