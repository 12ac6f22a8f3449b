import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadBrokerConfig, type PropertySources } from '../../net/server-properties.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-references-'))
  mkdirSync(join(folder, 'secrets'))
  writeFileSync(join(folder, 'secrets', 'rack'), 'hunter2')
  writeFileSync(join(folder, 'more.properties'), 'port=9192\nbad=hunter2\nlist=hunter2,swordfish\n')
})
afterAll(() => rmSync(folder, { recursive: true }))

function load(overrides: string[], environment: PropertySources['environment'] = {}) {
  return loadBrokerConfig({ file: null, environment, overrides, workingFolder: folder })
}

/** `${…}` without this file's own template strings taking it up. */
function reference(inside: string): string {
  return `\u0024{${inside}}`
}

test('references to variables, files and folders are replaced wherever they stand', async () => {
  const listeners = `PLAINTEXT://${reference('env:HOST')}:${reference('file:more.properties:port')}`
  const { config, errors, written } = await load(
    [`listeners=${listeners}`, `broker.rack=r-${reference('dir:secrets:rack')}`],
    { HOST: '10.0.0.1' },
  )
  expect(errors).toEqual([])
  expect(config.clientListeners).toMatchObject([{ host: '10.0.0.1', port: 9192 }])
  expect(config.brokerRack).toBe('r-hunter2')
  expect(written.get('listeners')).toBe(listeners)
})

test('names of config.providers stand for the built-in classes, within their limits', async () => {
  const providers = [
    'config.providers=vault,envs',
    'config.providers.vault.class=org.apache.kafka.common.config.provider.FileConfigProvider',
    `config.providers.vault.param.allowed.paths=${folder}/secrets`,
    'config.providers.envs.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider',
    'config.providers.envs.param.allowlist.pattern=SLUICE_.*',
  ]
  const good = await load([...providers, `broker.rack=${reference('envs:SLUICE_RACK')}`], {
    SLUICE_RACK: 'a',
  })
  expect(good.config.brokerRack).toBe('a')
  expect([...good.errors, ...good.warnings]).toEqual([])
  const { errors } = await load(
    [
      ...providers,
      `broker.rack=${reference('vault:more.properties:port')}`,
      `num.partitions=${reference('envs:HOME')}`,
    ],
    { HOME: '3' },
  )
  expect(errors).toEqual([
    `broker.rack refers to ${reference('vault:more.properties:port')}, a path outside the ` +
      'allowed.paths of its provider',
    `num.partitions refers to ${reference('envs:HOME')}, a variable outside the ` +
      'allowlist.pattern of its provider',
  ])
})

test('a provider of a class that is not built in is an error that names those that are', async () => {
  const { errors } = await load(['config.providers=v', 'config.providers.v.class=com.vault.It'])
  expect(errors.join()).toMatch(/config\.providers\.v\.class .*EnvVarConfigProvider/)
})

test.each([
  ['env:NOT_SET', 'a variable that is not set'],
  ['env:a:NAME', 'but a variable has no path: write env:NAME'],
  ['file:more.properties:rack', 'a key that is not in that file'],
  ['file:nowhere:rack', 'which cannot be read: ENOENT'],
  ['file:key', 'which lacks a path: write file:/path:key'],
  ['dir:secrets:none', 'which cannot be read: ENOENT'],
  ['dir:secrets:../more.properties', 'which names no file directly in that folder'],
  ['vault:x', 'which is neither an env:NAME, a file:/path:key nor a dir:/path:name reference'],
])('%s leads nowhere and is an error, once', async (inside, why) => {
  const { errors } = await load([`num.partitions=${reference(inside)}`])
  expect(errors).toEqual([`num.partitions refers to ${reference(inside)}, ${why}`])
})

test.each([
  ['num.partitions', 'dir:secrets:rack'],
  ['listeners', 'file:more.properties:bad'],
  ['advertised.listeners', 'file:more.properties:list'],
  ['process.roles', 'file:more.properties:list'],
  ['listener.security.protocol.map', 'env:SECRET'],
])('a secret in %s that is no good value is in no message', async (name, inside) => {
  const { errors, warnings } = await load([`${name}=${reference(inside)}`], {
    SECRET: 'PLAINTEXT:hunter2',
  })
  expect(errors).not.toEqual([])
  expect([...errors, ...warnings].join('\n')).not.toMatch(/hunter2|swordfish/i)
})
