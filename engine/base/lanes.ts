/** Asynchronous tasks, so many of them at a time, the others in order of arrival. */
export class Lanes {
  private readonly width: number
  private running = 0
  private readonly waiting: (() => void)[] = []

  constructor(width: number) {
    this.width = width
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running < this.width) this.running++
    else await new Promise<void>((go) => this.waiting.push(go))
    try {
      return await task()
    } finally {
      // The lane goes to whoever waits longest: nobody who comes meanwhile is quicker.
      const next = this.waiting.shift()
      if (next === undefined) this.running--
      else next()
    }
  }
}
