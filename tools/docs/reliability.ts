/** The generated part of docs/reliability.md: what each suite counted in its last full run. */

/** One entry of docs/reliability-figures.json, written by the suites themselves. */
export interface SuiteFigures {
  /** Repeats the run. */
  readonly command: string
  readonly commit: string
  /** YYYY-MM-DD */
  readonly date: string
  readonly machine: string
  readonly seconds: number
  readonly counts: Readonly<Record<string, number | string>>
  readonly table?: {
    readonly columns: readonly string[]
    readonly rows: readonly (readonly string[])[]
  }
}
