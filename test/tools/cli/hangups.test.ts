import { expect, test } from 'vitest'
import { parseBrokerConfig } from '../../../engine/base/config.ts'
import type { LoadedConfig } from '../../../net/server-properties.ts'
import { Hangups } from '../../../tools/cli/hangups.ts'

function loaded(settings: Record<string, string>): LoadedConfig {
  const parsed = parseBrokerConfig(new Map(Object.entries(settings)))
  return { ...parsed, written: new Map() }
}

function rig(started: LoadedConfig) {
  const lines: string[] = []
  const applied: ReadonlyMap<string, string>[] = []
  let next: LoadedConfig | Error = started
  const say = (level: string) => (line: string) => lines.push(`${level} ${line}`)
  const hangups = new Hangups({
    started,
    broker: { reread: async (settings) => void applied.push(settings) },
    logger: { info: say('info'), warn: say('warn'), error: say('error') },
    manager: { reloading: () => lines.push('reloading'), reloaded: () => lines.push('reloaded') },
    async load() {
      if (next instanceof Error) throw next
      return next
    },
  })
  return {
    applied,
    async hangUp(with_: LoadedConfig | Error): Promise<string[]> {
      next = with_
      await hangups.handle()
      return lines.splice(0)
    },
  }
}

test('what can change takes effect, the rest is told, both only once', async () => {
  const { applied, hangUp } = rig(loaded({}))
  const next = loaded({ 'message.max.bytes': '2000', 'num.partitions': '3' })
  expect(await hangUp(next)).toEqual([
    'reloading',
    'info SIGHUP: changed message.max.bytes 1048588 → 2000',
    'warn SIGHUP: needs a restart: num.partitions 1 → 3',
    'reloaded',
  ])
  expect(applied.map((settings) => [...settings])).toEqual([[['message.max.bytes', '2000']]])
  expect(await hangUp(next)).toEqual([
    'reloading',
    'warn SIGHUP: needs a restart: num.partitions 1 → 3',
    'reloaded',
  ])
  expect(await hangUp(loaded({ 'message.max.bytes': '2000' }))).toEqual([
    'reloading',
    'info SIGHUP: the configuration is the same',
    'reloaded',
  ])
  expect(applied).toHaveLength(1)
})

test('with a mistake nothing changes, and the next good file does', async () => {
  const { applied, hangUp } = rig(loaded({}))
  const bad = loaded({ 'message.max.bytes': '2000', 'num.partitions': 'x' })
  expect(await hangUp(bad)).toEqual([
    'reloading',
    expect.stringMatching(/^error SIGHUP: nothing is changed: Invalid value x .*num\.partitions/),
    'reloaded',
  ])
  expect(await hangUp(new Error('disk gone'))).toContain('error SIGHUP: disk gone')
  expect(applied).toEqual([])
  await hangUp(loaded({ 'message.max.bytes': '2000' }))
  expect(applied).toHaveLength(1)
})
