/**
 * How a service manager is told of us: one datagram to the Unix socket that NOTIFY_SOCKET names
 * (sd_notify(3)). Node has no datagram sockets of that family, so there are two ways:
 *
 *   native          socket(2) and sendto(2) through koffi, on 64-bit little-endian Linux
 *   systemd-notify  the program of that name, which the unit must allow: NotifyAccess=all
 *
 *   sockaddr_un   family u16 = 1 | path, NUL at its end; a name that begins with @ is abstract: NUL
 *                 in place of the @ and none at the end
 */
import { accessSync, constants } from 'node:fs'
import { endianness } from 'node:os'
import { delimiter, join } from 'node:path'
import { loadKoffi } from './koffi.ts'

const AF_UNIX = 1
/** SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC */
const DATAGRAM_FLAGS = 2 | 0o4000 | 0o2000000
const MSG_NOSIGNAL = 0x4000
const PATH_BYTES_MAX = 107
const ARCHITECTURES = ['x64', 'arm64', 'riscv64', 'loong64']
const PROGRAM = 'systemd-notify'

export type NotifyWay = 'native' | 'systemd-notify'

export interface NotifySocket {
  readonly way: NotifyWay
  /** Lines of KEY=value. Resolves with what went wrong, or null. */
  send(state: string): Promise<string | null>
}

export interface NotifyEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined
  readonly PATH?: string | undefined
}

/** null without NOTIFY_SOCKET; a sentence when there is one that cannot be used. */
export function openNotifySocket(
  environment: NotifyEnvironment,
  way?: NotifyWay,
): NotifySocket | string | null {
  const address = environment.NOTIFY_SOCKET
  if (address === undefined || address === '') return null
  const calls = way === 'systemd-notify' || !isUnix(address) ? null : loadCalls()
  if (calls !== null) return nativeSocket(calls, addressBytes(address))
  const program = way === 'native' ? null : findProgram(environment.PATH ?? '')
  if (program !== null) return programSocket(program, environment)
  return `NOTIFY_SOCKET is set, but there is neither koffi nor ${PROGRAM} to write to ${address}`
}

function isUnix(address: string): boolean {
  return /^[/@]/.test(address) && Buffer.byteLength(address) <= PATH_BYTES_MAX
}

function addressBytes(address: string): Buffer {
  const path = Buffer.from(address.startsWith('@') ? address : `${address}\0`)
  if (address.startsWith('@')) path[0] = 0
  const family = Buffer.alloc(2)
  family.writeUInt16LE(AF_UNIX)
  return Buffer.concat([family, path])
}

interface Calls {
  socket(family: number, type: number, protocol: number): number
  sendto(
    fd: number,
    bytes: Buffer,
    size: number,
    flags: number,
    address: Buffer,
    addressSize: number,
  ): number
  close(fd: number): number
  errno(): number
}

function loadCalls(): Calls | null {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) return null
  if (endianness() !== 'LE') return null
  try {
    const koffi = loadKoffi()
    const libc = koffi.load(null)
    return {
      socket: libc.func('int socket(int, int, int)'),
      sendto: libc.func('long sendto(int, void *, size_t, int, void *, uint32_t)'),
      close: libc.func('int close(int)'),
      errno: () => koffi.errno(),
    }
  } catch {
    // Not installed, or no build for this platform: the program takes over.
    return null
  }
}

/** A socket a message: they are minutes apart, and the manager may have been restarted. */
function nativeSocket(calls: Calls, address: Buffer): NotifySocket {
  const send = (state: string): string | null => {
    const fd = calls.socket(AF_UNIX, DATAGRAM_FLAGS, 0)
    if (fd < 0) return `socket: errno ${calls.errno()}`
    const bytes = Buffer.from(state)
    const sent = calls.sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length)
    const problem = sent === bytes.length ? null : `sendto: errno ${calls.errno()}`
    calls.close(fd)
    return problem
  }
  return { way: 'native', send: async (state) => send(state) }
}

function findProgram(path: string): string | null {
  for (const folder of path.split(delimiter)) {
    const program = join(folder, PROGRAM)
    try {
      accessSync(program, constants.X_OK)
      return program
    } catch {
      // Not in this folder.
    }
  }
  return null
}

function programSocket(program: string, environment: NotifyEnvironment): NotifySocket {
  const send = (state: string): Promise<string | null> =>
    new Promise((resolve) => {
      const { spawn } = process.getBuiltinModule('node:child_process')
      const child = spawn(program, [`--pid=${process.pid}`, ...state.split('\n')], {
        env: { ...environment },
        stdio: 'ignore',
      })
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code) => resolve(code === 0 ? null : `${program} ended with ${code}`))
    })
  return { way: 'systemd-notify', send }
}
