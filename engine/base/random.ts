/** Chance as a port, see clock.ts. */
export interface Random {
  /** A fresh UUID in Kafka's text form: 22 characters of base64url, never one of the reserved ids. */
  uuid(): string
  /** Uniform integer in [0, bound); 1 <= bound <= 2^32. */
  int(bound: number): number
}

/** Sixteen zero bytes in Kafka's text form: "no topic id". */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'
