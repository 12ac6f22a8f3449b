import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type NotifySocket, openNotifySocket } from '../../net/notify-socket.ts'
import { listenDatagrams } from '../support/datagram-socket.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-notify-'))
afterAll(() => rmSync(folder, { recursive: true }))

function opened(socket: NotifySocket | string | null): NotifySocket {
  if (socket === null || typeof socket === 'string') throw new Error(`no socket: ${socket}`)
  return socket
}

test.each([join(folder, 'socket'), `@sluice-notify-${process.pid}`])(
  'a message reaches %s natively',
  async (path) => {
    const manager = listenDatagrams(path)
    try {
      const socket = opened(openNotifySocket({ NOTIFY_SOCKET: path }))
      expect(socket.way).toBe('native')
      expect(await socket.send('READY=1\nSTATUS=serving')).toBeNull()
      expect(manager.received()).toEqual(['READY=1\nSTATUS=serving'])
    } finally {
      manager.close()
    }
  },
)

test('without koffi the program systemd-notify is run with our process id', async () => {
  const program = join(folder, 'systemd-notify')
  writeFileSync(program, `#!/bin/sh\necho "$NOTIFY_SOCKET" "$@" > ${join(folder, 'said')}\n`)
  chmodSync(program, 0o755)
  const environment = { NOTIFY_SOCKET: '/run/it', PATH: `${folder}:/usr/bin:/bin` }
  const socket = opened(openNotifySocket(environment, 'systemd-notify'))
  expect(socket.way).toBe('systemd-notify')
  expect(await socket.send('READY=1\nSTATUS=a b')).toBeNull()
  expect(readFileSync(join(folder, 'said'), 'utf8')).toBe(
    `/run/it --pid=${process.pid} READY=1 STATUS=a b\n`,
  )
  writeFileSync(program, '#!/bin/sh\nexit 1\n')
  expect(await socket.send('READY=1')).toMatch(/systemd-notify ended with 1/)
})

test('nobody is told without NOTIFY_SOCKET, and a dead one is a reason, not an error', async () => {
  expect(openNotifySocket({})).toBeNull()
  expect(openNotifySocket({ NOTIFY_SOCKET: '' })).toBeNull()
  const dead = opened(openNotifySocket({ NOTIFY_SOCKET: join(folder, 'nobody') }, 'native'))
  expect(await dead.send('READY=1')).toMatch(/sendto: errno 2/)
  expect(
    openNotifySocket({ NOTIFY_SOCKET: '/run/it', PATH: folder.concat('-none') }, 'systemd-notify'),
  ).toMatch(/neither koffi nor systemd-notify/)
})
