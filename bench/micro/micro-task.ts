/** One small thing that is measured: `run` does it `calls` times, so that the clock's cost is lost. */
export interface MicroTask {
  readonly name: string
  readonly calls: number
  readonly run: () => void
  /** Touches the disk: measured for people, too noisy for a check. */
  readonly disk?: boolean
}

/** Results go here, so that no call can be dropped. */
export const sink = new Float64Array(1)

export function task(name: string, calls: number, once: (call: number) => number): MicroTask {
  const run = (): void => {
    let sum = 0
    for (let call = 0; call < calls; call++) sum += once(call)
    sink[0] = sum
  }
  return { name, calls, run }
}
