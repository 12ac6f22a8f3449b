/**
 * Asynchronous tasks one after the other, in order of arrival; a failed one does not hold up the next.
 * Refuses with REQUEST_TIMED_OUT, which clients retry, when too many wait.
 */
import { ApiError, ErrorCode } from './errors.ts'

export class OneAtATime {
  private readonly waitingMax: number
  private readonly what: string
  private last: Promise<unknown> = Promise.resolve()
  private waiting = 0

  /** `what` waits, in the words of the refusal. */
  constructor(waitingMax: number, what: string) {
    this.waitingMax = waitingMax
    this.what = what
  }

  run<T>(task: () => Promise<T>): Promise<T> {
    if (this.waiting >= this.waitingMax)
      return Promise.reject(new ApiError(ErrorCode.REQUEST_TIMED_OUT, `too many ${this.what} wait`))
    this.waiting++
    const result = this.last.then(task)
    this.last = result.catch(() => {}).finally(() => this.waiting--)
    return result
  }

  /** Resolves when all that has arrived so far is done. */
  async settled(): Promise<void> {
    await this.last
  }
}
