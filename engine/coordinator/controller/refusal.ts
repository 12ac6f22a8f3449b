/** What a control request that changes nothing is answered with, topic by topic. */

export interface Refusal {
  readonly errorCode: number
  /** Kafka's words where Kafka has some; null where it says nothing. */
  readonly errorMessage: string | null
}

export const DUPLICATE_NAME = 'Duplicate topic name.'

export function refusal(errorCode: number, errorMessage: string | null): Refusal {
  return { errorCode, errorMessage }
}

/** Names that come more than once; Kafka refuses all of their entries with one answer. */
export function namesTwice(entries: readonly { readonly name: string }[]): ReadonlySet<string> {
  const once = new Set<string>()
  const twice = new Set<string>()
  for (const { name } of entries) (once.has(name) ? twice : once).add(name)
  return twice
}
