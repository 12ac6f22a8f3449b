/** Turns a failed connection into what, why and what next. */
import type { ConnectionFailed } from '../../net/client/client-errors.ts'
import { CommandFailure, ExitCode } from './failure.ts'

export function describeConnectionFailure(error: ConnectionFailed): CommandFailure {
  const [why, next] = ADVICE[error.problem]
  const what = `cannot talk to a broker at ${error.address}`
  if (error.advertisedBy === null)
    return new CommandFailure(ExitCode.cannotConnect, what, `${why} (${error.detail})`, next)
  return new CommandFailure(
    ExitCode.cannotConnect,
    what,
    `the broker at ${error.advertisedBy} sends its clients there, and ${why} (${error.detail})`,
    "set that broker's advertised.listeners to an address that can be reached from here",
  )
}

const ADVICE: Record<ConnectionFailed['problem'], readonly [why: string, next: string]> = {
  refused: [
    'nothing listens on that port',
    'start a broker with `sluice serve`, or name another address with -b host:port',
  ],
  timeout: [
    'the connection or an answer did not come in time',
    'check the address and that no firewall drops packets; raise --timeout if the broker is slow',
  ],
  'not-kafka': [
    'what answered there does not speak the Kafka protocol',
    'check the port: it may belong to another program',
  ],
  tls: [
    'what answered there expects TLS, and this connection is plain',
    'use the address of a plain listener',
  ],
  closed: [
    'the other side closed the connection without an answer',
    'check that the port is a Kafka listener (not TLS, not another program) and see its log',
  ],
  unreachable: ['the host name or address cannot be reached', 'check the spelling and the network'],
}
