/** Several data folders, seen and changed by Kafka 4.2's own tools. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runCommand } from '../support/child-processes.ts'
import { createTopic, logDirsLanes, movedTo, replicas, SLOW_MS } from '../support/log-dirs-lane.ts'
import { NumberedWriter, readNumbers } from '../support/numbered-records.ts'
import { describeWith, kafkaJars } from '../support/outside.ts'

const { root, newFolders, lane } = logDirsLanes()

function ascending(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at)
}

describeWith(await kafkaJars(), 'partitions in several folders', (jars) => {
  it('are described to Kafka 4.2 itself', async () => {
    const { broker, client, folders } = await lane(newFolders(2))
    await createTopic(client, 'orders', 3)
    const writer = new NumberedWriter(broker.address, 'orders', 1)
    await writer.until(50)
    await writer.stop()
    const [size] = (await replicas(client, 'orders', 1)).map(({ partitionSize }) => partitionSize)
    expect(size).toBeGreaterThan(500)
    const args = [
      '-Xmx128m',
      '-cp',
      join(jars.folder, '*'),
      'org.apache.kafka.tools.LogDirsCommand',
    ]
    const result = await runCommand(
      'java',
      [...args, '--bootstrap-server', broker.address, '--describe', '--topic-list', 'orders'],
      { limitMs: SLOW_MS },
    )
    expect(result.code, result.stderr).toBe(0)
    const told = JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '')
    const dirs = told.brokers[0].logDirs as {
      logDir: string
      error: string | null
      partitions: { partition: string; size: number }[]
    }[]
    expect(told.brokers[0].broker).toBe(1)
    const names = (folder: string | undefined) =>
      dirs
        .find(({ logDir, error }) => logDir === folder && error === null)
        ?.partitions.map(({ partition }) => partition)
        .sort()
    expect(names(folders[0])).toEqual(['orders-0', 'orders-2'])
    expect(names(folders[1])).toEqual(['orders-1'])
    const partition = { partition: 'orders-1', size, offsetLag: 0, isFuture: false }
    expect(dirs.flatMap(({ partitions }) => partitions)).toContainEqual(partition)
  }, 120_000)

  it("goes where Kafka's own reassignment tool sends it", async () => {
    const { broker, client, folders } = await lane(newFolders(2))
    await createTopic(client, 'orders', 1)
    const writer = new NumberedWriter(broker.address, 'orders', 0)
    const to = folders[1] ?? ''
    const plan = join(mkdtempSync(join(root, 'plan-')), 'plan.json')
    const partitions = [{ topic: 'orders', partition: 0, replicas: [1], log_dirs: [to] }]
    writeFileSync(plan, JSON.stringify({ version: 1, partitions }))
    const reassign = (action: string) =>
      runCommand(
        'java',
        [
          ...['-Xmx128m', '-cp', join(jars.folder, '*')],
          'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
          ...['--bootstrap-server', broker.address, '--reassignment-json-file', plan, action],
        ],
        { limitMs: SLOW_MS },
      )
    const executed = await reassign('--execute')
    expect(executed.code, executed.stderr).toBe(0)
    expect(executed.stdout).toContain(`Successfully started moving log directory to ${to}`)
    await movedTo(client, 'orders', 0, to)
    const verified = await reassign('--verify')
    expect(verified.stdout).toContain('Reassignment of replica orders-0-1 completed successfully')
    await writer.stop()
    expect(await readNumbers(broker.address, 'orders', 0)).toEqual(ascending(writer.acknowledged))
  }, 120_000)
})
