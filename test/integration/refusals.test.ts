/**
 * What a broker refuses to start with, each told in one message that names the values, the file and
 * what to do; and what it does when the disk is full or the folder cannot be written.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { type CommandResult, runCommand } from '../support/child-processes.ts'
import { testProgram } from '../support/program.ts'
import { answersOnce } from '../support/raw-connection.ts'
import { mountSmallDisk, unmount } from '../support/small-disk.ts'

const START_LIMIT_MS = 30_000
const CLUSTER = 'abcdefghijklmnopqrstuv'

const root = mkdtempSync(join(tmpdir(), 'sluice-refusals-'))
const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

function newFolder(): string {
  return mkdtempSync(join(root, 'data-'))
}

/** Starts a broker that is expected to refuse; what it printed and its exit code. */
async function refused(overrides: Record<string, string>): Promise<CommandResult> {
  const settings = { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': newFolder(), ...overrides }
  const args = Object.entries(settings).flatMap(([key, value]) => ['--override', `${key}=${value}`])
  const result = await runCommand(process.execPath, [...testProgram(), 'serve', ...args], {
    limitMs: START_LIMIT_MS,
  })
  expect(result.timedOut, result.stdout + result.stderr).toBe(false)
  return result
}

function folderOf(clusterId: string, nodeId: number): string {
  const folder = newFolder()
  const lines = ['version=1', `cluster.id=${clusterId}`, `node.id=${nodeId}`]
  writeFileSync(join(folder, 'meta.properties'), `${lines.join('\n')}\n`)
  return folder
}

/** Numbers acknowledged by an idle-proof producer: one record a request, no retries. */
async function newProducer(address: string): Promise<Producer> {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const producer = kafka.producer({ retry: { retries: 0 } })
  cleanups.push(() => producer.disconnect())
  await producer.connect()
  return producer
}

describe('a broker does not start', () => {
  let running: BrokerProcess
  beforeAll(async () => {
    running = await startBroker({ dataFolder: newFolder() })
  })
  afterAll(async () => {
    await running.stop()
  })

  it.concurrent('on the folder of a running one, which goes on', async () => {
    const result = await refused({ 'log.dirs': running.dataFolder })
    expect(result.code).toBe(1)
    expect(result.stderr).toContain(`${running.dataFolder} is in use by process ${running.pid}`)
    expect(await answersOnce(running.address, 2000)).toBe(true)
  })

  it.concurrent('on the folder of another cluster', async () => {
    const folder = folderOf(CLUSTER, 1)
    const other = 'zyxwvutsrqponmlkjihgfe'
    const result = await refused({ 'log.dirs': folder, 'sluice.cluster.id': other })
    expect(result.code).toBe(1)
    for (const part of [CLUSTER, other, join(folder, 'meta.properties')])
      expect(result.stderr).toContain(part)
  })

  it.concurrent('on the folder of another broker', async () => {
    const folder = folderOf(CLUSTER, 7)
    const result = await refused({ 'log.dirs': folder, 'node.id': '3' })
    expect(result.code).toBe(1)
    for (const part of ['node.id 7', 'node.id 3', join(folder, 'meta.properties')])
      expect(result.stderr).toContain(part)
    expect(readdirSync(folder).filter((name) => name !== '.lock')).toEqual(['meta.properties'])
  })

  it.concurrent('on a meta.properties that says nothing', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'meta.properties'), 'not what it was\n')
    const result = await refused({ 'log.dirs': folder })
    expect(result.code).toBe(1)
    expect(result.stderr).toContain(`${join(folder, 'meta.properties')}: cluster.id is missing`)
    expect(result.stderr).not.toContain('defect')
  })

  it.concurrent('where the data folder is a file, or cannot be made', async () => {
    const file = join(newFolder(), 'file')
    writeFileSync(file, '')
    for (const path of [file, join(file, 'below'), '/proc/sluice-data']) {
      const result = await refused({ 'log.dirs': path })
      expect(result.code).toBe(1)
      expect(result.stderr).toContain(path)
      expect(result.stderr).not.toContain('defect')
    }
  })
})

describe('a disk', () => {
  const disk = join(root, 'small')
  const mounted = mountSmallDisk(disk, '24m')
  afterAll(() => {
    if (mounted) unmount(disk)
  })

  it.skipIf(!mounted)('that takes no writes stops the start, and is named', async () => {
    execFileSync('mount', ['-o', 'remount,ro', disk])
    const result = await refused({ 'log.dirs': join(disk, 'read-only') })
    execFileSync('mount', ['-o', 'remount,rw', disk])
    expect(result.code).toBe(1)
    expect(result.stderr).toContain(join(disk, 'read-only'))
    expect(result.stderr).toContain('EROFS')
  })

  it.skipIf(!mounted)(
    'that is full costs no acknowledged record, and is told with the path',
    async () => {
      const overrides = {
        'sluice.shards': '1',
        'log.index.size.max.bytes': '65536',
        'log.segment.bytes': '4194304',
        'offsets.topic.num.partitions': '1',
      }
      const broker = await startBroker({ dataFolder: join(disk, 'data'), overrides })
      cleanups.push(() => broker.kill())
      const admin = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin()
      cleanups.push(() => admin.disconnect())
      await admin.connect()
      const configEntries = [{ name: 'file.delete.delay.ms', value: '0' }]
      await admin.createTopics({
        topics: [
          { topic: 'old', numPartitions: 1, configEntries },
          { topic: 'filling', numPartitions: 1 },
        ],
      })
      const producer = await newProducer(broker.address)
      const value = 'x'.repeat(200_000)
      for (let n = 0; n < 20; n++)
        await producer.send({ topic: 'old', acks: -1, messages: [{ value, partition: 0 }] })
      let acknowledged = 0
      let failure = ''
      while (failure === '' && acknowledged < 400) {
        const messages = [{ key: `${acknowledged}`, value, partition: 0 }]
        await producer.send({ topic: 'filling', acks: -1, messages }).then(
          () => acknowledged++,
          (error: Error) => {
            failure = error.message
          },
        )
      }
      expect(acknowledged).toBeGreaterThan(20)
      expect(failure).not.toBe('')
      expect(await answersOnce(broker.address, 5000)).toBe(true)
      const told = broker
        .output()
        .split('\n')
        .filter((line) => /\] (ERROR|WARN) /.test(line))
      expect(told.join('\n')).toMatch(/filling-0.*(ENOSPC|no space)/i)
      expect(told.length).toBeLessThan(10)

      // An operator makes room: what is deleted is soon there for others.
      await admin.deleteTopics({ topics: ['old'] })
      await expect
        .poll(
          () =>
            producer.send({ topic: 'filling', acks: -1, messages: [{ value, partition: 0 }] }).then(
              () => 'taken',
              (error: Error) => error.message,
            ),
          { timeout: 10_000 },
        )
        .toBe('taken')

      // Room again, a new start: everything acknowledged is there, and writes go on.
      await broker.kill()
      execFileSync('mount', ['-o', 'remount,size=96m', disk])
      await broker.start()
      const again = await newProducer(broker.address)
      const [sent] = await again.send({
        topic: 'filling',
        acks: -1,
        messages: [{ value: 'room', partition: 0 }],
      })
      expect(Number(sent?.baseOffset)).toBeGreaterThanOrEqual(acknowledged)
      const bytes = readdirSync(join(disk, 'data/filling-0'))
        .filter((name) => name.endsWith('.log'))
        .sort()
        .map((name) => readFileSync(join(disk, 'data/filling-0', name)))
      const content = Buffer.concat(bytes)
      expect(content.length).toBeGreaterThan(acknowledged * value.length)
    },
  )
})
