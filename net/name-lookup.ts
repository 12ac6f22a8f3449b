/** Addresses of names, asked of the system; what asks is loaded with the first name that is no address. */
import type { LookupAddress } from 'node:dns'

/** Rejects as dns.lookup does. */
export async function lookupName(name: string): Promise<LookupAddress> {
  const { lookup } = await import('node:dns/promises')
  return lookup(name)
}
