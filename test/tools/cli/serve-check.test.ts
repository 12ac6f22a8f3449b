import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { lockFolder } from '../../../net/folder-lock.ts'
import { runCli } from '../../support/cli.ts'
import { freePort } from '../../support/managed-broker.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-check-'))
afterAll(() => rmSync(folder, { recursive: true }))
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

function check(settings: Record<string, string>) {
  const all = { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': join(folder, 'new'), ...settings }
  const overrides = Object.entries(all).flatMap(([name, text]) => ['--override', `${name}=${text}`])
  return runCli(['serve', '--check', ...overrides], { cwd: folder })
}

function dataFolder(name: string, meta: string): string {
  const path = join(folder, name)
  mkdirSync(join(path, 'orders-0'), { recursive: true })
  writeFileSync(join(path, 'meta.properties'), meta)
  return path
}

const META = 'version=1\nnode.id=1\ncluster.id=Wq7sKz4fRbuHn2p0yXvLcA\n'

describe('serve --check', () => {
  it('says what would run, ends with 0 and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await check({ 'num.partitions': '3' })
    expect([code, stderr]).toEqual([0, 'the configuration is good\n'])
    expect(stdout).toMatch(/^broker {5}node\.id 1, a new cluster/m)
    expect(stdout).toMatch(/^data {7}\S+\/new: new, \d+\.\d GiB free$/m)
    expect(stdout).toMatch(/^listener {3}PLAINTEXT:\/\/127\.0\.0\.1 on any free port, advertised/m)
    expect(stdout).toMatch(/^option {5}num\.partitions=3$/m)
    expect(readdirSync(folder)).toEqual([])
  })

  it('knows a used folder again, without touching it', async () => {
    const path = dataFolder('used', META)
    const { code, stdout } = await check({ 'log.dirs': path })
    expect(code).toBe(0)
    expect(stdout).toMatch(/node\.id 1, cluster Wq7sKz4fRbuHn2p0yXvLcA/)
    expect(stdout).toMatch(/used: 1 partition, not stopped cleanly: the ends of its logs are/)
    expect(readdirSync(path).sort()).toEqual(['meta.properties', 'orders-0'])
  })

  it('shows no secret: references stay as they are written, passwords are hidden', async () => {
    const path = join(folder, 'secret.properties')
    writeFileSync(path, 'key=hunter2\n')
    const { code, stdout, stderr } = await check({
      'ssl.keystore.password': 'swordfish',
      'broker.rack': `\u0024{file:${path}:key}`,
    })
    expect(code).toBe(0)
    expect(stdout).toContain(`option     broker.rack=\u0024{file:${path}:key}`)
    expect(stdout).toContain('option     ssl.keystore.password=[hidden]')
    expect(stdout + stderr).not.toMatch(/hunter2|swordfish/)
  })

  it('ends with 2 and names every mistake of the configuration', async () => {
    const { code, stdout, stderr } = await check({
      'num.partitions': 'none',
      'log.retention.hour': '3',
      listeners: 'SASL_SSL://:9093',
    })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^error: .*num\.partitions/m)
    expect(stderr).toMatch(/^error: .*did you mean log\.retention\.hours/m)
    expect(stderr).toMatch(
      /^error: listener SASL_SSL asks for SASL_SSL, which is not built yet.*for now/m,
    )
    expect(stderr).toMatch(/3 mistakes$/m)
  })

  it('ends with 1 when a port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    servers.push(server)
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const { code, stderr } = await check({ listeners: `PLAINTEXT://127.0.0.1:${port}` })
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^error: .*port ${port} is in use by another program`, 'm'))
    expect(stderr).toMatch(/it cannot start now$/m)
  })

  it("ends with 1 when two listeners are in each other's way", async () => {
    const port = await freePort()
    const { code, stdout, stderr } = await check({
      listeners: `IN://127.0.0.1:${port},OUT://localhost:${port}`,
      'listener.security.protocol.map': 'IN:PLAINTEXT,OUT:PLAINTEXT',
      'advertised.listeners': `IN://a:0,OUT://b:1`,
    })
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`cannot listen on OUT://localhost:${port}`),
    ])
    expect(stdout).toContain(`advertised as a:${port}`)
  })

  it.each<[string, () => string, RegExp]>([
    ['is a file', () => aFile(), /is a file: log\.dirs takes folders/],
    ['lies where no folder can be made', () => '/proc/x', /no room in \/proc/],
    ['lies in a file', () => join(aFile(), 'data'), /cannot be made/],
    [
      'belongs to another broker',
      () => dataFolder('other', META.replace('node.id=1', 'node.id=9')),
      /belongs to node\.id 9, but this broker is node\.id 1/,
    ],
    ['is damaged', () => dataFolder('damaged', 'version=1\n'), /cluster\.id is missing/],
  ])('ends with 1 when a folder %s', async (_name, make, problem) => {
    const { code, stderr } = await check({ 'log.dirs': make() })
    expect(stderr).toMatch(problem)
    expect(code).toBe(1)
  })

  it('warns of a folder that the broker would start without, beyond the first', async () => {
    const { code, stderr } = await check({ 'log.dirs': `${join(folder, 'new')},${aFile()}` })
    expect(stderr).toMatch(/^warning: \S+ is a file: .* The broker would start without it\.$/m)
    expect(code).toBe(0)
  })

  it('ends with 1 when two folders are of two clusters', async () => {
    const one = dataFolder('one', META)
    const two = dataFolder('two', META.replace('Wq7', 'Xq7'))
    const { code, stderr } = await check({ 'log.dirs': `${one},${two}` })
    expect([code, stderr]).toEqual([1, expect.stringMatching(/two.*belongs to cluster\.id Xq7/)])
  })

  it('ends with 1 when a broker holds the folder, and does not disturb it', async () => {
    const path = dataFolder('held', META)
    const lock = lockFolder(path, null)
    const before = readdirSync(path)
    const { code, stderr } = await check({ 'log.dirs': path })
    expect(stderr).toMatch(`held is in use by process ${process.pid}`)
    expect([code, readdirSync(path)]).toEqual([1, before])
    lock.release()
  })

  it('refuses a folder that comes twice', async () => {
    const { code, stderr } = await check({ 'log.dirs': 'a,./a' })
    expect([code, stderr]).toEqual([2, expect.stringMatching(/log\.dirs names \S+\/a twice/)])
  })
})

function aFile(): string {
  const path = join(folder, 'file')
  writeFileSync(path, '')
  return path
}
