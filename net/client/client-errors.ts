/** What can go wrong between the own client and a broker, apart from error codes in answers. */
import { errorName } from '../../engine/base/errors.ts'

export type ConnectProblem = 'refused' | 'timeout' | 'not-kafka' | 'tls' | 'closed' | 'unreachable'

/** No usable connection to an address. `problem` tells tools what advice to give. */
export class ConnectionFailed extends Error {
  override name = 'ConnectionFailed'
  readonly address: string
  readonly problem: ConnectProblem
  constructor(address: string, problem: ConnectProblem, detail: string) {
    super(`${address}: ${detail}`)
    this.address = address
    this.problem = problem
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
  constructor(code: number, message: string | null) {
    super(message ?? errorName(code))
    this.code = code
  }
}
