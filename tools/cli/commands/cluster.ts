/** `sluice cluster describe|brokers|features`: the cluster as a whole. */
import type { Command } from 'commander'
import type { OwnCommand } from '../commands.ts'
import { addConnectFlags, type ConnectFlags, withClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import type { Row } from '../render.ts'

export const clusterCommand: OwnCommand = {
  register(program: Command, io: CommandIo): Command {
    const cluster = program.command('cluster').description('the cluster, its brokers and features')
    addConnectFlags(
      cluster.command('describe').description('its id, its controller and how many brokers'),
    ).action((flags: ConnectFlags) => describe(flags, io))
    addConnectFlags(cluster.command('brokers').description('list the brokers')).action(
      (flags: ConnectFlags) => brokers(flags, io),
    )
    addConnectFlags(
      cluster.command('features').description('list features and their levels'),
    ).action((flags: ConnectFlags) => features(flags, io))
    return cluster
  },
}

function describe(flags: ConnectFlags, io: CommandIo): Promise<void> {
  return withClient(flags, io, async (client, renderer) => {
    const { describeCluster } = await import('../cluster-admin.ts')
    const answer = await describeCluster(client)
    renderer.item([{ key: 'clusterId' }, { key: 'controller' }, { key: 'brokers' }], {
      clusterId: answer.clusterId,
      controller: answer.controllerId < 0 ? null : answer.controllerId,
      brokers: answer.brokers.length,
    })
  })
}

function brokers(flags: ConnectFlags, io: CommandIo): Promise<void> {
  return withClient(flags, io, async (client, renderer) => {
    const { describeCluster } = await import('../cluster-admin.ts')
    const answer = await describeCluster(client)
    const rows = answer.brokers.map(
      ({ brokerId, host, port, rack, isFenced }): Row => ({
        id: brokerId,
        host,
        port,
        rack,
        controller: brokerId === answer.controllerId,
        state: isFenced ? 'fenced' : 'unfenced',
      }),
    )
    const keys = ['id', 'host', 'port', 'rack', 'controller', 'state']
    renderer.table(
      keys.map((key) => ({ key })),
      rows,
    )
  })
}

function features(flags: ConnectFlags, io: CommandIo): Promise<void> {
  return withClient(flags, io, async (client, renderer) => {
    const { describeFeatures } = await import('../cluster-admin.ts')
    const { metadataVersionName } = await import('../kafka/features.ts')
    const { features: known } = await describeFeatures(client)
    const rows = known.map(({ name, finalizedLevel, minVersion, maxVersion }): Row => {
      const release = name === 'metadata.version' && metadataVersionName(finalizedLevel ?? 0)
      return {
        feature: name,
        level: finalizedLevel ?? 0,
        lowest: minVersion,
        highest: maxVersion,
        release: release === false ? null : release,
      }
    })
    const keys = ['feature', 'level', 'lowest', 'highest', 'release']
    renderer.table(
      keys.map((key) => ({ key })),
      rows,
    )
  })
}
