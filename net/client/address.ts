/** `host:port` lists as people type them: IPv6 in brackets, the port optional. */

export interface Address {
  readonly host: string
  readonly port: number
}

const DEFAULT_PORT = 9092

/** Throws RangeError with a sentence for people when the text is no address. */
export function parseAddress(text: string): Address {
  const match = /^(?:\w+:\/\/)?(?:\[([^\]]+)\]|([^\s:,/[\]]*))(?::(\d+))?$/.exec(text.trim())
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3])
  if (match === null || host === '' || port < 1 || port > 65_535)
    throw new RangeError(`'${text}' is not an address; write host:port, as 127.0.0.1:9092`)
  return { host, port }
}

/** A list with at least one address; throws RangeError as above. */
export function parseAddresses(text: string): Address[] {
  const parts = text.split(',').filter((part) => part.trim() !== '')
  return (parts.length === 0 ? [text] : parts).map(parseAddress)
}

export function formatAddress(address: Address): string {
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`
}
