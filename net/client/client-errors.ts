/** What can go wrong between the own client and a broker, apart from error codes in answers. */
import { errorName } from '../../engine/base/errors.ts'

export type ConnectProblem = 'refused' | 'timeout' | 'not-kafka' | 'tls' | 'closed' | 'unreachable'

/** No usable connection to an address. `problem` tells tools what advice to give. */
export class ConnectionFailed extends Error {
  override name = 'ConnectionFailed'
  readonly address: string
  readonly problem: ConnectProblem
  /** What happened, as the system or the protocol tells it. */
  readonly detail: string
  /** The address whose broker told clients to come to `address`; null: somebody typed it. */
  readonly advertisedBy: string | null

  constructor(
    address: string,
    problem: ConnectProblem,
    detail: string,
    advertisedBy: string | null = null,
  ) {
    super(`${address}: ${detail}`)
    this.address = address
    this.problem = problem
    this.detail = detail
    this.advertisedBy = advertisedBy
  }
}

/** The broker does not serve an API, or no version of it that we know. */
export class UnsupportedApi extends Error {
  override name = 'UnsupportedApi'
}

/** An answer that carries an error code where the caller can only give up. */
export class RequestFailed extends Error {
  override name = 'RequestFailed'
  readonly code: number
  /** The broker's own words, null when it had none. */
  readonly told: string | null
  constructor(code: number, message: string | null) {
    super(message ?? errorName(code))
    this.code = code
    this.told = message
  }
}
