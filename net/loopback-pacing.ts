/**
 * Connections of clients on the same machine leave BBR. Where it is the system's congestion control, the
 * kernel paces every socket by timers, and a connection may stay at half the rate of the loopback device, at
 * more than twice the CPU, for as long as it lives. There is no network to be fair to: such a connection goes
 * on with Reno, which every kernel has and everybody may choose. Other peers, and other algorithms, keep what
 * the system gives. Without native calls nothing is changed.
 */
import { LOOPBACK } from './advertised-address.ts'
import { congestionControlOf, setCongestionControl } from './native-sockets.ts'

const PACED = /^bbr/
const UNPACED = 'reno'

export function leavePacing(fd: number, clientHost: string): void {
  if (!LOOPBACK.test(clientHost) || fd < 0) return
  if (PACED.test(congestionControlOf(fd))) setCongestionControl(fd, UNPACED)
}
