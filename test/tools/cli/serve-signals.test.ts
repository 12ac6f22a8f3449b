import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { exitCodeOf, serveSignals } from '../../../tools/cli/serve-signals.ts'

test('a second signal counts as insisting only a while after the first', async () => {
  const source = new EventEmitter()
  let nowMs = 0
  let insisted = ''
  const signals = serveSignals({ hangup() {}, monotonicMs: () => nowMs, source })
  void signals.insisted.then((signal) => {
    insisted = signal
  })
  source.emit('SIGINT', 'SIGINT')
  nowMs = 999
  source.emit('SIGTERM', 'SIGTERM')
  await Promise.resolve()
  expect(insisted).toBe('')
  nowMs = 1_000
  source.emit('SIGTERM', 'SIGTERM')
  expect(await signals.insisted).toBe('SIGTERM')
  expect([exitCodeOf('SIGTERM'), exitCodeOf('SIGINT')]).toEqual([143, 130])
  signals.close()
  expect(source.eventNames()).toEqual([])
})

test('a hang-up is heard each time, but for that of a terminal that has gone', async () => {
  const source = new EventEmitter()
  let heard = 0
  let gone = false
  const signals = serveSignals({ hangup: () => heard++, terminalGone: () => gone, source })
  source.emit('SIGHUP', 'SIGHUP')
  source.emit('SIGHUP', 'SIGHUP')
  expect(heard).toBe(2)
  gone = true
  source.emit('SIGHUP', 'SIGHUP')
  expect(await signals.abandoned).toBe('SIGHUP')
  expect(heard).toBe(2)
  signals.close()
})
