import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../../../engine/base/logger.ts'
import type { NotifySocket } from '../../../net/notify-socket.ts'
import { ServiceManager } from '../../../tools/cli/service-manager.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function rig(env: Record<string, string>, problem: string | null = null) {
  const sent: string[] = []
  const warnings: string[] = []
  const socket: NotifySocket = {
    way: 'native',
    async send(state) {
      sent.push(state)
      return problem
    },
  }
  const logger = { ...silentLogger, warn: (line: string) => warnings.push(line) }
  return { sent, warnings, manager: new ServiceManager({ env, logger, socket }) }
}

test('a long start asks for more time until it is ready', () => {
  const { sent, manager } = rig({})
  manager.starting()
  vi.advanceTimersByTime(40_000)
  expect(sent).toEqual(new Array(3).fill('EXTEND_TIMEOUT_USEC=60000000'))
  manager.ready('serving')
  vi.advanceTimersByTime(600_000)
  expect(sent.slice(3)).toEqual(['READY=1\nSTATUS=serving'])
})

test('the watchdog of the unit hears of us twice in its time, and no more after the end', () => {
  const { sent, manager } = rig({ WATCHDOG_USEC: '2000000', WATCHDOG_PID: String(process.pid) })
  manager.ready('serving')
  vi.advanceTimersByTime(2_000)
  expect(sent).toEqual(['READY=1\nSTATUS=serving', ...new Array(3).fill('WATCHDOG=1')])
  manager.stopping()
  manager.close()
  vi.advanceTimersByTime(60_000)
  expect(sent.slice(4)).toEqual(['STOPPING=1\nSTATUS=stopping', 'EXTEND_TIMEOUT_USEC=60000000'])
})

test.each([
  [{ WATCHDOG_USEC: '2000000', WATCHDOG_PID: '1' }, 'one meant for another process'],
  [{ WATCHDOG_USEC: 'soon' }, 'one that is no number'],
])('of watchdogs, %j is %s', (env, _what) => {
  const { sent, manager } = rig(env as Record<string, string>)
  manager.ready('serving')
  vi.advanceTimersByTime(60_000)
  expect(sent).toEqual(['READY=1\nSTATUS=serving'])
})

test('a reload is told with the time of its start, then readiness again', () => {
  const { sent, manager } = rig({})
  manager.reloading(1_234_500_999n)
  manager.reloaded()
  expect(sent).toEqual(['RELOADING=1\nMONOTONIC_USEC=1234500', 'READY=1'])
})

test('trouble with the manager is one line, not one for each message', async () => {
  const { warnings, manager } = rig({}, 'sendto: errno 111')
  manager.ready('a')
  manager.stopping()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(warnings).toEqual(['the service manager does not hear this broker: sendto: errno 111'])
  manager.close()
})
