/** What producers in transactions share with their coordinator's side (client-transactions.ts). */

/** Highest Produce of producers that add their partitions themselves. */
export const PRODUCE_VERSION_EXPLICIT = 11
/** Lowest Produce that adds a partition to its transaction (KIP-890). */
export const PRODUCE_VERSION_IMPLICIT = 12
/** As Kafka's producer waits for a transaction whose markers are still being written. */
export const TRANSACTION_RETRY_PAUSE_MS = 20

/** Who writes. */
export interface ProducerMark {
  readonly producerId: number
  readonly producerEpoch: number
}
