/** Time as a port: the engine never asks the machine itself, so a whole broker can run from one seed. */
export interface Clock {
  /** Wall clock in milliseconds since the epoch. Data only (timestamps), never durations. */
  wallMs(): number
  /** Monotonic milliseconds with a fraction, origin arbitrary. All durations and deadlines. */
  monotonicMs(): number
}
