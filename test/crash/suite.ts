/** What the runner knows of a suite: seeded workloads, what each counts, and what a failure is. */

export interface Failure {
  readonly message: string
  /** Indexes of the operations that ran. */
  readonly operations: readonly number[]
}

export interface SuiteRun {
  /** Runs one workload, only these operations of it if given; null when all was in order. */
  workload(seed: number, only?: ReadonlySet<number>): Promise<Failure | null>
  /** What counts toward the target, so far. */
  count(): number
  /** Numbers for the report, in words. */
  report(): string
  /** Further numbers of a run that is recorded, by what they count. */
  figures(): Readonly<Record<string, number>>
}

export interface Suite {
  readonly name: string
  /** On the page of figures. */
  readonly title: string
  /** What is counted. */
  readonly unit: string
  /** For one CI run; so many workloads must come to it. */
  readonly target: number
  readonly workloads: number
  /** Time for one CI run, on one core beside another lane. */
  readonly seconds: number
  start(): SuiteRun
}
