/**
 * Work in at most `width` lanes: what touches a file for each of thousands of partitions must neither
 * take a descriptor for all of them at once nor fill the queue of Node's thread pool.
 */

/** Resolves when all are done; rejects with the first failure, while the other lanes go on. */
export async function inParallel(
  runs: readonly (() => Promise<void>)[],
  width: number,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < runs.length) await runs[next++]?.()
  }
  await Promise.all(Array.from({ length: Math.min(width, runs.length) }, lane))
}
