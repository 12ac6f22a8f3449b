/** Asynchronous tasks, so many of them at a time, the others in order of arrival. */
export class Lanes {
  private readonly width: number
  private running = 0
  private readonly waiting: (() => void)[] = []

  constructor(width: number) {
    this.width = width
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running >= this.width) await new Promise<void>((go) => this.waiting.push(go))
    this.running++
    try {
      return await task()
    } finally {
      this.running--
      this.waiting.shift()?.()
    }
  }
}
