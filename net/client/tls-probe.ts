/** Whether a server that hung up on a plain request speaks TLS: asked only to give better advice. */
import type { TLSSocket } from 'node:tls'
import type { Address } from './address.ts'

/** What OpenSSL calls a refusal that came as a TLS record, and so from a TLS server; 3.5 has a slash in it. */
const TLS_ALERT = /^ERR_SSL_.*ALERT/

/** One handshake, whatever the certificate; false after `timeoutMs`. */
export async function speaksTls(address: Address, timeoutMs: number): Promise<boolean> {
  // Loaded for this rare question only.
  const { connect } = await import('node:tls')
  let socket: TLSSocket | null = null
  try {
    return await new Promise<boolean>((resolve) => {
      socket = connect({ ...address, rejectUnauthorized: false }, () => resolve(true))
      socket.setTimeout(timeoutMs, () => resolve(false))
      socket.on('close', () => resolve(false))
      socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(TLS_ALERT.test(code ?? '')))
    })
  } finally {
    ;(socket as TLSSocket | null)?.destroy()
  }
}
