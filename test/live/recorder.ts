/**
 * Writes down what live clients of one topic do, for the history checker: partition numbers are its
 * keys. One clock for all, since all clients run in or are watched from this process.
 */
import { writeFileSync } from 'node:fs'
import { formatOp, type Mop, type Op } from '../history/operation.ts'

export class Recorder {
  readonly topic: string
  readonly partitions: number
  ops: Op[] = []
  private next = 0
  private processes = 0

  constructor(topic: string, partitions: number) {
    this.topic = topic
    this.partitions = partitions
  }

  /** A number of its own for whoever does one thing after another. */
  process(): number {
    return this.processes++
  }

  begin(): number {
    return performance.now()
  }

  add(
    proc: number,
    t0: number,
    type: Op['type'],
    mops: readonly Mop[],
    more: Partial<Op> = {},
  ): void {
    const t1 = performance.now()
    this.ops.push({ i: this.next++, t0, t1, proc, txn: false, type, mops, ...more })
  }

  get acknowledged(): number {
    let count = 0
    for (const { type, mops } of this.ops)
      if (type === 'ok') for (const { f } of mops) if (f === 'send') count++
    return count
  }

  /** As JSON lines, for looking at what a finding was about. */
  write(path: string): void {
    writeFileSync(path, this.ops.map(formatOp).join(''))
  }
}
