/**
 * Features, the quorum and registrations as one client sees them; what has a recorded answer of a real
 * Kafka is in test/golden-data/admin-answers.test.ts.
 */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { partitionKey } from '../../../engine/metadata/image.ts'
import { apiVersionsHandler } from '../../../net/handlers/18-api-versions.ts'
import { alterConfigsHandler } from '../../../net/handlers/33-alter-configs.ts'
import { electLeadersHandler } from '../../../net/handlers/43-elect-leaders.ts'
import { incrementalAlterConfigsHandler } from '../../../net/handlers/44-incremental-alter-configs.ts'
import { describeUserScramCredentialsHandler } from '../../../net/handlers/50-describe-user-scram-credentials.ts'
import { describeQuorumHandler } from '../../../net/handlers/55-describe-quorum.ts'
import { updateFeaturesHandler } from '../../../net/handlers/57-update-features.ts'
import { unregisterBrokerHandler } from '../../../net/handlers/64-unregister-broker.ts'
import { ADVERTISED, type ControlRig, controlRig } from '../../support/control-rig.ts'

const apiVersions = apiVersionsHandler(() => [])
const METADATA = 'metadata.version'

async function featuresAt(rig: ControlRig, version: number) {
  return rig.ask(apiVersions, version, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })
}

/** As the decoder gives it: version 0 knows no types. */
function update(version: number, feature: string, maxVersionLevel: number, upgradeType: number) {
  const asked = version === 0 ? { allowDowngrade: upgradeType > 1 } : { upgradeType }
  const featureUpdates = [{ feature, maxVersionLevel, ...asked }]
  return { timeoutMs: 1_000, featureUpdates, ...(version === 0 ? null : { validateOnly: false }) }
}

describe('features', () => {
  it('are told as supported and finalized; below version 4 only those that cannot be off', async () => {
    const rig = await controlRig()
    const newer = await featuresAt(rig, 4)
    const supported = newer.supportedFeatures.map(({ name }) => name)
    expect(newer.finalizedFeatures).toContainEqual({
      name: METADATA,
      minVersionLevel: 29,
      maxVersionLevel: 29,
    })
    const older = await featuresAt(rig, 3)
    expect(older.supportedFeatures).toEqual(
      newer.supportedFeatures.filter(({ minVersion }) => minVersion > 0),
    )
    expect(supported).toContain(METADATA)
    expect(older.finalizedFeatures).toEqual(newer.finalizedFeatures)
  })

  it('change for the next client that asks, and raise the epoch', async () => {
    const rig = await controlRig()
    const before = await featuresAt(rig, 4)
    for (const [version, level] of [
      [0, 28],
      [1, 27],
      [2, 26],
    ] as const) {
      const answer = await rig.ask(
        updateFeaturesHandler,
        version,
        update(version, METADATA, level, 2),
      )
      expect([answer.errorCode, answer.errorMessage]).toEqual([0, null])
      expect(answer.results).toEqual(
        version < 2 ? [{ feature: METADATA, errorCode: 0, errorMessage: 'NONE' }] : [],
      )
    }
    const after = await featuresAt(rig, 4)
    expect(after.finalizedFeatures).toContainEqual({
      name: METADATA,
      minVersionLevel: 26,
      maxVersionLevel: 26,
    })
    expect(Number(after.finalizedFeaturesEpoch)).toBe(Number(before.finalizedFeaturesEpoch) + 3)
  })

  it('that are not supported are refused in every version', async () => {
    const rig = await controlRig()
    for (const version of [0, 1, 2]) {
      const answer = await rig.ask(updateFeaturesHandler, version, update(version, 'no.such', 1, 1))
      expect(answer.errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION)
      expect(answer.errorMessage).toMatch(/no.such. Local controller 1 does not support this/)
      expect(answer.results).toEqual([])
    }
  })
})

describe('the quorum', () => {
  const request = {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
  }

  it('is this broker, reached as the client reached it, its log as long as there were changes', async () => {
    const rig = await controlRig()
    const first = await rig.ask(describeQuorumHandler, 2, request)
    await rig.create('t', 1)
    const now = await rig.ask(describeQuorumHandler, 2, request)
    expect(now.nodes).toEqual([{ nodeId: 1, listeners: [{ name: 'L', ...ADVERTISED }] }])
    const partitions = [first, now].map(({ topics }) => topics[0]?.partitions[0])
    expect(partitions[1]).toMatchObject({ leaderId: 1, leaderEpoch: 1, observers: [] })
    expect(Number(partitions[1]?.highWatermark)).toBe(Number(partitions[0]?.highWatermark) + 1)
    expect(partitions[1]?.currentVoters[0]?.logEndOffset).toBe(partitions[1]?.highWatermark)
  })
})

describe('an election', () => {
  it('is not possible where the disk failed, and only that is told when all are asked for', async () => {
    const rig = await controlRig()
    await rig.create('t', 2)
    const key = partitionKey(rig.controller.image.topics.get('t')?.ordinal ?? -1, 1)
    await rig.controller.takeOffline([key])
    const elect = async (electionType: number, partitions: number[] | null) => {
      const topicPartitions = partitions === null ? null : [{ topic: 't', partitions }]
      const request = { electionType, topicPartitions, timeoutMs: 1_000 }
      const { replicaElectionResults } = await rig.ask(electLeadersHandler, 2, request)
      return replicaElectionResults.flatMap(({ partitionResult }) =>
        partitionResult.map(({ partitionId, errorCode }) => [partitionId, errorCode]),
      )
    }
    const { ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE } = ErrorCode
    expect(await elect(0, [0, 1])).toEqual([
      [0, ELECTION_NOT_NEEDED],
      [1, PREFERRED_LEADER_NOT_AVAILABLE],
    ])
    expect(await elect(0, null)).toEqual([[1, PREFERRED_LEADER_NOT_AVAILABLE]])
    expect(await elect(1, null)).toEqual([[1, ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE]])
  })
})

describe('the broker itself', () => {
  it('cannot be unregistered while it runs', async () => {
    const answer = await (await controlRig()).ask(unregisterBrokerHandler, 0, { brokerId: 1 })
    expect(answer.errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect(answer.errorMessage).toMatch(/runs and is the only one .* stop it/)
  })
})

describe('a failure of the whole request', () => {
  it('is told for every resource of it', () => {
    const resources = [
      { resourceType: 2, resourceName: 'a', configs: [] },
      { resourceType: 4, resourceName: '', configs: [] },
    ]
    const request = { resources, validateOnly: false }
    for (const handler of [alterConfigsHandler, incrementalAlterConfigsHandler])
      expect(handler.failed?.(request, 41, 'why', 1).responses).toEqual([
        { errorCode: 41, errorMessage: 'why', resourceType: 2, resourceName: 'a' },
        { errorCode: 41, errorMessage: 'why', resourceType: 4, resourceName: '' },
      ])
  })
})

describe('SCRAM credentials', () => {
  it('are those of nobody: users that are asked for have none', async () => {
    const rig = await controlRig()
    const ask = (users: { name: string }[] | null) =>
      rig.ask(describeUserScramCredentialsHandler, 0, { users })
    expect(await ask(null)).toMatchObject({ errorCode: ErrorCode.NONE, results: [] })
    const named = await ask([{ name: 'a' }, { name: 'b' }, { name: 'b' }])
    expect(named.results.map(({ user, errorCode }) => [user, errorCode])).toEqual([
      ['a', ErrorCode.RESOURCE_NOT_FOUND],
      ['b', ErrorCode.DUPLICATE_RESOURCE],
    ])
  })
})
