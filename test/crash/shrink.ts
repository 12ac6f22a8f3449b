/**
 * Makes a failing run smaller: leaves out ever smaller parts of its operations as long as it still fails
 * (delta debugging), within a bound of time.
 */

/** The operations that still fail, and the last message; `fails` runs with those alone. */
export async function shrink(
  operations: readonly number[],
  message: string,
  fails: (only: ReadonlySet<number>) => Promise<string | null>,
  untilMs: number,
): Promise<{ readonly operations: readonly number[]; readonly message: string }> {
  let kept = [...operations]
  let last = message
  for (
    let size = Math.ceil(kept.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  )
    for (let at = 0; at < kept.length && performance.now() < untilMs; ) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)]
      const failure = await fails(new Set(fewer))
      if (failure === null) at += size
      else {
        kept = fewer
        last = failure
      }
    }
  return { operations: kept, message: last }
}
