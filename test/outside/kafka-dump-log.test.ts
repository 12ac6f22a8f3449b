/** kafka-dump-log of ours beside Kafka's own, on the files of Kafka's log directory (test/golden/logs). */
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runCli } from '../support/cli.ts'
import { describeWith, kafkaJars } from '../support/outside.ts'

const data = fileURLToPath(new URL('../golden/logs/data', import.meta.url))

describeWith(await kafkaJars(), "kafka-dump-log beside Kafka's own", (jars) => {
  const cases: readonly (readonly string[])[] = [
    [
      ...['--cluster-metadata-decoder', '--files'],
      `__cluster_metadata-0/${'0'.repeat(20)}.log,bootstrap.checkpoint`,
    ],
    ['--max-bytes', '2000', '--files', `segments-index-0/${'0'.repeat(20)}.log`],
  ]
  for (const args of cases)
    it(`prints the same for ${args.join(' ')}`, async () => {
      const theirs = await jars.run('kafka-dump-log', [...args], { limitMs: 60_000, cwd: data })
      const ours = await runCli(['kafka-dump-log', ...args], { cwd: data })
      expect(ours.code).toBe(theirs.code)
      expect(ours.stdout.split('\n')).toEqual(theirs.stdout.split('\n'))
    })
})
