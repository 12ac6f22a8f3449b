/** A clock that reads the same in all threads of a process; performance.now() starts anew in each. */

/** Milliseconds since some moment in the past. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
