/** A Unix datagram socket that listens, as systemd's does; Node has none, so by koffi. */
import { createRequire } from 'node:module'

const AF_UNIX = 1
/** SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC */
const FLAGS = 2 | 0o4000 | 0o2000000
const MESSAGE_BYTES_MAX = 64 * 1024

export interface DatagramSocket {
  /** All messages so far, oldest first. */
  received(): readonly string[]
  close(): void
}

/** `path` may begin with @: an abstract name. */
export function listenDatagrams(path: string): DatagramSocket {
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
  const libc = koffi.load(null)
  const socket = libc.func('int socket(int, int, int)')
  const bind = libc.func('int bind(int, void *, uint32_t)')
  const receive = libc.func('long recv(int, void *, size_t, int)')
  const close = libc.func('int close(int)')
  const fd: number = socket(AF_UNIX, FLAGS, 0)
  const address = Buffer.from(
    `\u0001\0${path.startsWith('@') ? path.replace('@', '\0') : `${path}\0`}`,
  )
  if (bind(fd, address, address.length) !== 0) throw new Error(`cannot bind ${path}`)
  const messages: string[] = []
  const bytes = Buffer.alloc(MESSAGE_BYTES_MAX)
  return {
    received() {
      for (;;) {
        const length = Number(receive(fd, bytes, bytes.length, 0))
        if (length < 0) return messages
        messages.push(bytes.toString('utf8', 0, length))
      }
    },
    close: () => close(fd),
  }
}
