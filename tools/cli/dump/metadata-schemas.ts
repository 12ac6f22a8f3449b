/**
 * Records of Kafka's metadata log __cluster_metadata (org.apache.kafka.common.metadata, 4.2), for
 * kafka-dump-log only: this broker keeps its metadata otherwise. A record's value is
 *
 *   unsigned varint frame version (1) · unsigned varint type · unsigned varint version · struct
 *
 * and there are no keys. Numbers 6, 13 and 16 are not in use.
 */
import {
  array,
  bool,
  bytes,
  type Fields,
  float64,
  int8,
  int16,
  int32,
  int64,
  type Message,
  message,
  string,
  structs,
  uint16,
  uuid,
} from '../../../engine/schema/fields.ts'

function record(type: number, name: string, maxVersion: number, fields: Fields): Message<Fields> {
  return message(type, name, { versions: [0, maxVersion], flexible: 0 }, fields)
}

const endPoints = structs({ name: string, host: string, port: uint16, securityProtocol: int16 })
const features = structs({
  name: string,
  minSupportedVersion: int16,
  maxSupportedVersion: int16,
})
const nodeIds = array(int32)
const directoryIds = array(uuid)
const NOT_CHANGED = -2

const REGISTER_BROKER = record(0, 'RegisterBrokerRecord', 3, {
  brokerId: int32,
  isMigratingZkBroker: bool.since(2),
  incarnationId: uuid,
  brokerEpoch: int64,
  endPoints,
  features,
  rack: string.nullable(),
  fenced: bool,
  inControlledShutdown: bool.since(1),
  logDirs: directoryIds.tag(0, 3),
})

const PARTITION = record(3, 'PartitionRecord', 2, {
  partitionId: int32,
  topicId: uuid,
  replicas: nodeIds,
  isr: nodeIds,
  removingReplicas: nodeIds,
  addingReplicas: nodeIds,
  leader: int32,
  leaderRecoveryState: int8.tag(0),
  leaderEpoch: int32,
  partitionEpoch: int32,
  directories: directoryIds.since(1),
  eligibleLeaderReplicas: nodeIds.nullable().tag(1, 2),
  lastKnownElr: nodeIds.nullable().tag(2, 2),
})

const PARTITION_CHANGE = record(5, 'PartitionChangeRecord', 2, {
  partitionId: int32,
  topicId: uuid,
  isr: nodeIds.nullable().tag(0),
  leader: int32.tag(1).default(NOT_CHANGED),
  replicas: nodeIds.nullable().tag(2),
  removingReplicas: nodeIds.nullable().tag(3),
  addingReplicas: nodeIds.nullable().tag(4),
  leaderRecoveryState: int8.tag(5).default(-1),
  directories: directoryIds.nullable().tag(8, 1),
  eligibleLeaderReplicas: nodeIds.nullable().tag(6, 2),
  lastKnownElr: nodeIds.nullable().tag(7, 2),
})

const REGISTRATION_CHANGE = record(17, 'BrokerRegistrationChangeRecord', 2, {
  brokerId: int32,
  brokerEpoch: int64,
  fenced: int8.tag(0),
  inControlledShutdown: int8.tag(1, 1),
  logDirs: directoryIds.tag(2, 2),
})

const REGISTER_CONTROLLER = record(27, 'RegisterControllerRecord', 0, {
  controllerId: int32,
  incarnationId: uuid,
  zkMigrationReady: bool,
  endPoints,
  features,
})

const ACCESS_CONTROL = record(18, 'AccessControlEntryRecord', 0, {
  id: uuid,
  resourceType: int8,
  resourceName: string,
  patternType: int8,
  principal: string,
  host: string,
  operation: int8,
  permissionType: int8,
})

const DELEGATION_TOKEN = record(10, 'DelegationTokenRecord', 0, {
  owner: string,
  requester: string,
  renewers: array(string),
  issueTimestamp: int64,
  maxTimestamp: int64,
  expirationTimestamp: int64,
  tokenId: string,
})

const SCRAM_CREDENTIAL = record(11, 'UserScramCredentialRecord', 0, {
  name: string,
  mechanism: int8,
  salt: bytes,
  storedKey: bytes,
  serverKey: bytes,
  iterations: int32,
})

const CLIENT_QUOTA = record(14, 'ClientQuotaRecord', 0, {
  entity: structs({ entityType: string, entityName: string.nullable() }),
  key: string,
  value: float64,
  remove: bool,
})

const CONFIG = record(4, 'ConfigRecord', 0, {
  resourceType: int8,
  resourceName: string,
  name: string,
  value: string.nullable(),
})

const PRODUCER_IDS = record(15, 'ProducerIdsRecord', 0, {
  brokerId: int32,
  brokerEpoch: int64,
  nextProducerId: int64,
})

/** Every record type, and the name the dump gives it. */
export const metadataRecords: ReadonlyMap<number, readonly [string, Message<Fields>]> = new Map([
  [0, ['REGISTER_BROKER_RECORD', REGISTER_BROKER]],
  [
    1,
    [
      'UNREGISTER_BROKER_RECORD',
      record(1, 'UnregisterBrokerRecord', 0, { brokerId: int32, brokerEpoch: int64 }),
    ],
  ],
  [2, ['TOPIC_RECORD', record(2, 'TopicRecord', 0, { name: string, topicId: uuid })]],
  [3, ['PARTITION_RECORD', PARTITION]],
  [4, ['CONFIG_RECORD', CONFIG]],
  [5, ['PARTITION_CHANGE_RECORD', PARTITION_CHANGE]],
  [7, ['FENCE_BROKER_RECORD', record(7, 'FenceBrokerRecord', 0, { id: int32, epoch: int64 })]],
  [8, ['UNFENCE_BROKER_RECORD', record(8, 'UnfenceBrokerRecord', 0, { id: int32, epoch: int64 })]],
  [9, ['REMOVE_TOPIC_RECORD', record(9, 'RemoveTopicRecord', 0, { topicId: uuid })]],
  [10, ['DELEGATION_TOKEN_RECORD', DELEGATION_TOKEN]],
  [11, ['USER_SCRAM_CREDENTIAL_RECORD', SCRAM_CREDENTIAL]],
  [
    12,
    [
      'FEATURE_LEVEL_RECORD',
      record(12, 'FeatureLevelRecord', 0, { name: string, featureLevel: int16 }),
    ],
  ],
  [14, ['CLIENT_QUOTA_RECORD', CLIENT_QUOTA]],
  [15, ['PRODUCER_IDS_RECORD', PRODUCER_IDS]],
  [17, ['BROKER_REGISTRATION_CHANGE_RECORD', REGISTRATION_CHANGE]],
  [18, ['ACCESS_CONTROL_ENTRY_RECORD', ACCESS_CONTROL]],
  [
    19,
    [
      'REMOVE_ACCESS_CONTROL_ENTRY_RECORD',
      record(19, 'RemoveAccessControlEntryRecord', 0, { id: uuid }),
    ],
  ],
  [20, ['NO_OP_RECORD', record(20, 'NoOpRecord', 0, {})]],
  [
    21,
    [
      'ZK_MIGRATION_STATE_RECORD',
      record(21, 'ZkMigrationStateRecord', 0, { zkMigrationState: int8 }),
    ],
  ],
  [
    22,
    [
      'REMOVE_USER_SCRAM_CREDENTIAL_RECORD',
      record(22, 'RemoveUserScramCredentialRecord', 0, { name: string, mechanism: int8 }),
    ],
  ],
  [
    23,
    [
      'BEGIN_TRANSACTION_RECORD',
      record(23, 'BeginTransactionRecord', 0, { name: string.nullable().tag(0) }),
    ],
  ],
  [24, ['END_TRANSACTION_RECORD', record(24, 'EndTransactionRecord', 0, {})]],
  [
    25,
    [
      'ABORT_TRANSACTION_RECORD',
      record(25, 'AbortTransactionRecord', 0, { reason: string.nullable().tag(0) }),
    ],
  ],
  [
    26,
    [
      'REMOVE_DELEGATION_TOKEN_RECORD',
      record(26, 'RemoveDelegationTokenRecord', 0, { tokenId: string }),
    ],
  ],
  [27, ['REGISTER_CONTROLLER_RECORD', REGISTER_CONTROLLER]],
  [28, ['CLEAR_ELR_RECORD', record(28, 'ClearElrRecord', 0, { topicName: string })]],
] as [number, readonly [string, Message<Fields>]][])
