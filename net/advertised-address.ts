/**
 * What clients are told to connect to, per listener: advertised.listeners, else the bound host and
 * port. A listener bound to all addresses has none to tell; it gets the first of
 *
 *   this machine's name, if that leads to one of its own addresses
 *   its first IPv4 address that is not loopback, then its first such IPv6 address
 *   localhost
 *
 * differs from Kafka: Kafka refuses 0.0.0.0 without advertised.listeners, and takes the machine's name
 * for an empty host even where nobody can resolve it.
 */
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import type { ListenerConfig } from '../engine/base/config-listeners.ts'
import { lookupName } from './name-lookup.ts'

/** A name server that does not answer must not hold up the start for long. */
const LOOKUP_MS = 1_000
/** Addresses of this range belong to every machine: Debian gives its own name one of them. */
export const LOOPBACK = /^(127\.|::1$)/
const LINK_LOCAL = /^fe80:/i

export interface Machine {
  readonly name: string
  readonly interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>
  /** An address of the name; null when nothing is known of it. */
  resolve(name: string): Promise<string | null>
}

export interface Advertised {
  readonly host: string
  readonly port: number
}

/** `boundPort` is what the system gave where the listener asked for port 0. */
export async function advertisedAddress(
  listener: ListenerConfig,
  boundPort: number,
  machine: Machine = thisMachine(),
): Promise<Advertised> {
  const { advertisedHost, advertisedPort } = listener
  return {
    host: advertisedHost !== '' ? advertisedHost : await ownHost(machine),
    port: advertisedPort !== 0 ? advertisedPort : boundPort,
  }
}

async function ownHost(machine: Machine): Promise<string> {
  const addresses = Object.values(machine.interfaces).flatMap((list) => list ?? [])
  const resolved = await machine.resolve(machine.name)
  if (resolved !== null) {
    const own = LOOPBACK.test(resolved) || addresses.some(({ address }) => address === resolved)
    if (own) return machine.name
  }
  const reachable = addresses.filter(
    ({ internal, address }) => !internal && !LINK_LOCAL.test(address),
  )
  const best = reachable.find(({ family }) => family === 'IPv4') ?? reachable[0]
  return best?.address ?? 'localhost'
}

/** A warning about an address that only this machine can use, on a port that all can reach. */
export function reachabilityWarning(listener: ListenerConfig, told: Advertised): string | null {
  const { name, host } = listener
  const loopbackOnly = host === 'localhost' || LOOPBACK.test(host)
  if (loopbackOnly || !(told.host === 'localhost' || LOOPBACK.test(told.host))) return null
  return (
    `listener ${name} is open to other machines, but clients there are told to connect to ` +
    `${hostPort(told)}, which is themselves. If they shall use it, set ` +
    `advertised.listeners=${name}://<a name of this machine>:${told.port}`
  )
}

/** IPv6 in brackets. */
export function hostPort({ host, port }: Advertised): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function thisMachine(): Machine {
  return {
    name: hostname(),
    interfaces: networkInterfaces(),
    resolve(name) {
      const known = lookupName(name).then(
        ({ address }) => address,
        // Whatever the reason, the name leads nowhere.
        () => null,
      )
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<null>((resolve) => {
        timer = setTimeout(resolve, LOOKUP_MS, null)
      })
      return Promise.race([known, late]).finally(() => clearTimeout(timer))
    },
  }
}
