/** Which processes kafka-server-stop takes for brokers of ours: those and no others. */
import { describe, expect, it } from 'vitest'
import { startOf } from '../../../tools/cli/broker-processes.ts'
import { runCli } from '../../support/cli.ts'

describe('the command line of a broker of ours', () => {
  const brokers = [
    'node /usr/lib/node_modules/x/bin/sluice.js serve server.properties',
    '/usr/bin/node --import tsx /work/tools/sluice.ts serve --override a=b',
    'node /usr/local/bin/kafka-server-start.sh -daemon server.properties',
    'node /x/sluice.cjs kafka-server-start server.properties',
    'sluice serve',
  ]
  for (const line of brokers)
    it(`is ${line}`, () => expect(startOf(line.split(' '))).not.toBeNull())

  const others = [
    'node /x/bin/sluice.js consume orders',
    'java -cp /opt/kafka/libs/* kafka.Kafka server.properties',
    'vi /home/me/sluice.ts serve',
    'grep sluice serve',
    'node server.js serve',
    'node /x/vitest.mjs run test/sluice',
    'tail -f logs/server.log',
  ]
  for (const line of others) it(`is not ${line}`, () => expect(startOf(line.split(' '))).toBeNull())
})

describe('kafka-server-stop', () => {
  it('says that there is nothing to stop, with exit code 1', async () => {
    const { code, stdout } = await runCli(['kafka-server-stop', '--node-id=2147483646'])
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^No kafka server to stop/)])
  })

  it('refuses what it does not know, before it signals anybody', async () => {
    for (const arg of ['--node-id=x', '--process-role=zookeeper', '--bogus', 'server.properties']) {
      const { code, stderr } = await runCli(['kafka-server-stop', arg])
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${arg}`)])
      expect(stderr).toContain('USAGE: kafka-server-stop')
    }
  })
})
