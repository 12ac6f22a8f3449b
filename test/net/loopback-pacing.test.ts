import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { leavePacing } from '../../net/loopback-pacing.ts'
import {
  congestionControlOf,
  nativeSocketsAvailable,
  setCongestionControl,
  useNativeCalls,
} from '../../net/native-sockets.ts'
import { descriptorOf } from '../../net/socket-handle.ts'

describe.runIf(nativeSocketsAvailable())('the pacing of a connection', () => {
  const sockets: Socket[] = []
  let fd = -1
  beforeEach(async () => {
    const server = createServer((socket) => sockets.push(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [accepted] = (await once(server, 'connection')) as [Socket]
    sockets.push(client)
    server.close()
    fd = descriptorOf(accepted)
  })
  afterEach(() => {
    useNativeCalls(true)
    for (const socket of sockets.splice(0)) socket.destroy()
  })

  it('is left on loopback', () => {
    const given = congestionControlOf(fd)
    expect(given).not.toBe('')
    leavePacing(fd, '127.0.0.1')
    expect(congestionControlOf(fd)).toBe(/^bbr/.test(given) ? 'reno' : given)
  })

  it('is kept with other peers, where it is another, and without native calls', () => {
    const given = congestionControlOf(fd)
    leavePacing(fd, '192.0.2.1')
    expect(congestionControlOf(fd)).toBe(given)
    useNativeCalls(false)
    leavePacing(fd, '127.0.0.1')
    expect([congestionControlOf(fd), setCongestionControl(fd, 'reno')]).toEqual(['', false])
    useNativeCalls(true)
    expect(congestionControlOf(fd)).toBe(given)
    expect(setCongestionControl(fd, 'reno')).toBe(true)
    leavePacing(fd, '::1')
    expect(congestionControlOf(fd)).toBe('reno')
  })

  it('of nothing is unknown', () => {
    expect(congestionControlOf(1_000_000)).toBe('')
    expect(setCongestionControl(fd, 'no-such-algorithm')).toBe(false)
    leavePacing(-1, '127.0.0.1')
  })
})
