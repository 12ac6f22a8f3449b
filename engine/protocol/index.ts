/**
 * List no. 1: every API whose messages we know, by API key. What is served is the handlers' list
 * (net/handlers/index.ts); a table here only means that its bytes can be read and written.
 */
import type { AnyMessage } from '../schema/fields.ts'
import { ProduceRequest, ProduceResponse } from './00-produce.ts'
import { FetchRequest, FetchResponse } from './01-fetch.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from './02-list-offsets.ts'
import { MetadataRequest, MetadataResponse } from './03-metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from './08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from './09-offset-fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from './10-find-coordinator.ts'
import { JoinGroupRequest, JoinGroupResponse } from './11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from './12-heartbeat.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from './13-leave-group.ts'
import { SyncGroupRequest, SyncGroupResponse } from './14-sync-group.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from './15-describe-groups.ts'
import { ListGroupsRequest, ListGroupsResponse } from './16-list-groups.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from './17-sasl-handshake.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from './18-api-versions.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from './19-create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from './20-delete-topics.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from './21-delete-records.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from './22-init-producer-id.ts'
import {
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
} from './23-offset-for-leader-epoch.ts'
import {
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnResponse,
} from './24-add-partitions-to-txn.ts'
import { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from './25-add-offsets-to-txn.ts'
import { EndTxnRequest, EndTxnResponse } from './26-end-txn.ts'
import { WriteTxnMarkersRequest, WriteTxnMarkersResponse } from './27-write-txn-markers.ts'
import { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from './28-txn-offset-commit.ts'
import { DescribeAclsRequest, DescribeAclsResponse } from './29-describe-acls.ts'
import { CreateAclsRequest, CreateAclsResponse } from './30-create-acls.ts'
import { DeleteAclsRequest, DeleteAclsResponse } from './31-delete-acls.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from './32-describe-configs.ts'
import { AlterConfigsRequest, AlterConfigsResponse } from './33-alter-configs.ts'
import {
  AlterReplicaLogDirsRequest,
  AlterReplicaLogDirsResponse,
} from './34-alter-replica-log-dirs.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from './35-describe-log-dirs.ts'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from './36-sasl-authenticate.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from './37-create-partitions.ts'
import {
  CreateDelegationTokenRequest,
  CreateDelegationTokenResponse,
} from './38-create-delegation-token.ts'
import {
  RenewDelegationTokenRequest,
  RenewDelegationTokenResponse,
} from './39-renew-delegation-token.ts'
import {
  ExpireDelegationTokenRequest,
  ExpireDelegationTokenResponse,
} from './40-expire-delegation-token.ts'
import {
  DescribeDelegationTokenRequest,
  DescribeDelegationTokenResponse,
} from './41-describe-delegation-token.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from './42-delete-groups.ts'
import { ElectLeadersRequest, ElectLeadersResponse } from './43-elect-leaders.ts'
import {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from './44-incremental-alter-configs.ts'
import {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
} from './45-alter-partition-reassignments.ts'
import {
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from './46-list-partition-reassignments.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from './47-offset-delete.ts'
import {
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
} from './48-describe-client-quotas.ts'
import { AlterClientQuotasRequest, AlterClientQuotasResponse } from './49-alter-client-quotas.ts'
import {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from './50-describe-user-scram-credentials.ts'
import {
  AlterUserScramCredentialsRequest,
  AlterUserScramCredentialsResponse,
} from './51-alter-user-scram-credentials.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from './55-describe-quorum.ts'
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from './57-update-features.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from './60-describe-cluster.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from './61-describe-producers.ts'
import { UnregisterBrokerRequest, UnregisterBrokerResponse } from './64-unregister-broker.ts'
import {
  DescribeTransactionsRequest,
  DescribeTransactionsResponse,
} from './65-describe-transactions.ts'
import { ListTransactionsRequest, ListTransactionsResponse } from './66-list-transactions.ts'
import {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from './68-consumer-group-heartbeat.ts'
import {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from './69-consumer-group-describe.ts'
import {
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
} from './74-list-config-resources.ts'
import {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
} from './75-describe-topic-partitions.ts'
import {
  ShareGroupHeartbeatRequest,
  ShareGroupHeartbeatResponse,
} from './76-share-group-heartbeat.ts'
import { ShareGroupDescribeRequest, ShareGroupDescribeResponse } from './77-share-group-describe.ts'
import { ShareFetchRequest, ShareFetchResponse } from './78-share-fetch.ts'
import { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from './79-share-acknowledge.ts'
import { AddRaftVoterRequest, AddRaftVoterResponse } from './80-add-raft-voter.ts'
import { RemoveRaftVoterRequest, RemoveRaftVoterResponse } from './81-remove-raft-voter.ts'
import {
  InitializeShareGroupStateRequest,
  InitializeShareGroupStateResponse,
} from './83-initialize-share-group-state.ts'
import {
  ReadShareGroupStateRequest,
  ReadShareGroupStateResponse,
} from './84-read-share-group-state.ts'
import {
  WriteShareGroupStateRequest,
  WriteShareGroupStateResponse,
} from './85-write-share-group-state.ts'
import {
  DeleteShareGroupStateRequest,
  DeleteShareGroupStateResponse,
} from './86-delete-share-group-state.ts'
import {
  ReadShareGroupStateSummaryRequest,
  ReadShareGroupStateSummaryResponse,
} from './87-read-share-group-state-summary.ts'
import {
  StreamsGroupHeartbeatRequest,
  StreamsGroupHeartbeatResponse,
} from './88-streams-group-heartbeat.ts'
import {
  StreamsGroupDescribeRequest,
  StreamsGroupDescribeResponse,
} from './89-streams-group-describe.ts'
import {
  DescribeShareGroupOffsetsRequest,
  DescribeShareGroupOffsetsResponse,
} from './90-describe-share-group-offsets.ts'
import {
  AlterShareGroupOffsetsRequest,
  AlterShareGroupOffsetsResponse,
} from './91-alter-share-group-offsets.ts'
import {
  DeleteShareGroupOffsetsRequest,
  DeleteShareGroupOffsetsResponse,
} from './92-delete-share-group-offsets.ts'

export interface Api {
  readonly apiKey: number
  /** Kafka's name, without Request or Response. */
  readonly name: string
  readonly request: AnyMessage
  readonly response: AnyMessage
}

const list: readonly Api[] = [
  api('Produce', ProduceRequest, ProduceResponse),
  api('Fetch', FetchRequest, FetchResponse),
  api('ListOffsets', ListOffsetsRequest, ListOffsetsResponse),
  api('Metadata', MetadataRequest, MetadataResponse),
  api('OffsetCommit', OffsetCommitRequest, OffsetCommitResponse),
  api('OffsetFetch', OffsetFetchRequest, OffsetFetchResponse),
  api('FindCoordinator', FindCoordinatorRequest, FindCoordinatorResponse),
  api('JoinGroup', JoinGroupRequest, JoinGroupResponse),
  api('Heartbeat', HeartbeatRequest, HeartbeatResponse),
  api('LeaveGroup', LeaveGroupRequest, LeaveGroupResponse),
  api('SyncGroup', SyncGroupRequest, SyncGroupResponse),
  api('DescribeGroups', DescribeGroupsRequest, DescribeGroupsResponse),
  api('ListGroups', ListGroupsRequest, ListGroupsResponse),
  api('SaslHandshake', SaslHandshakeRequest, SaslHandshakeResponse),
  api('ApiVersions', ApiVersionsRequest, ApiVersionsResponse),
  api('CreateTopics', CreateTopicsRequest, CreateTopicsResponse),
  api('DeleteTopics', DeleteTopicsRequest, DeleteTopicsResponse),
  api('DeleteRecords', DeleteRecordsRequest, DeleteRecordsResponse),
  api('InitProducerId', InitProducerIdRequest, InitProducerIdResponse),
  api('OffsetForLeaderEpoch', OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse),
  api('AddPartitionsToTxn', AddPartitionsToTxnRequest, AddPartitionsToTxnResponse),
  api('AddOffsetsToTxn', AddOffsetsToTxnRequest, AddOffsetsToTxnResponse),
  api('EndTxn', EndTxnRequest, EndTxnResponse),
  api('WriteTxnMarkers', WriteTxnMarkersRequest, WriteTxnMarkersResponse),
  api('TxnOffsetCommit', TxnOffsetCommitRequest, TxnOffsetCommitResponse),
  api('DescribeAcls', DescribeAclsRequest, DescribeAclsResponse),
  api('CreateAcls', CreateAclsRequest, CreateAclsResponse),
  api('DeleteAcls', DeleteAclsRequest, DeleteAclsResponse),
  api('DescribeConfigs', DescribeConfigsRequest, DescribeConfigsResponse),
  api('AlterConfigs', AlterConfigsRequest, AlterConfigsResponse),
  api('AlterReplicaLogDirs', AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse),
  api('DescribeLogDirs', DescribeLogDirsRequest, DescribeLogDirsResponse),
  api('SaslAuthenticate', SaslAuthenticateRequest, SaslAuthenticateResponse),
  api('CreatePartitions', CreatePartitionsRequest, CreatePartitionsResponse),
  api('CreateDelegationToken', CreateDelegationTokenRequest, CreateDelegationTokenResponse),
  api('RenewDelegationToken', RenewDelegationTokenRequest, RenewDelegationTokenResponse),
  api('ExpireDelegationToken', ExpireDelegationTokenRequest, ExpireDelegationTokenResponse),
  api('DescribeDelegationToken', DescribeDelegationTokenRequest, DescribeDelegationTokenResponse),
  api('DeleteGroups', DeleteGroupsRequest, DeleteGroupsResponse),
  api('ElectLeaders', ElectLeadersRequest, ElectLeadersResponse),
  api('IncrementalAlterConfigs', IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse),
  api(
    'AlterPartitionReassignments',
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
  ),
  api(
    'ListPartitionReassignments',
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
  ),
  api('OffsetDelete', OffsetDeleteRequest, OffsetDeleteResponse),
  api('DescribeClientQuotas', DescribeClientQuotasRequest, DescribeClientQuotasResponse),
  api('AlterClientQuotas', AlterClientQuotasRequest, AlterClientQuotasResponse),
  api(
    'DescribeUserScramCredentials',
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
  ),
  api(
    'AlterUserScramCredentials',
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
  ),
  api('DescribeQuorum', DescribeQuorumRequest, DescribeQuorumResponse),
  api('UpdateFeatures', UpdateFeaturesRequest, UpdateFeaturesResponse),
  api('DescribeCluster', DescribeClusterRequest, DescribeClusterResponse),
  api('DescribeProducers', DescribeProducersRequest, DescribeProducersResponse),
  api('UnregisterBroker', UnregisterBrokerRequest, UnregisterBrokerResponse),
  api('DescribeTransactions', DescribeTransactionsRequest, DescribeTransactionsResponse),
  api('ListTransactions', ListTransactionsRequest, ListTransactionsResponse),
  api('ConsumerGroupHeartbeat', ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse),
  api('ConsumerGroupDescribe', ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse),
  api('ListConfigResources', ListConfigResourcesRequest, ListConfigResourcesResponse),
  api('DescribeTopicPartitions', DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse),
  api('ShareGroupHeartbeat', ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse),
  api('ShareGroupDescribe', ShareGroupDescribeRequest, ShareGroupDescribeResponse),
  api('ShareFetch', ShareFetchRequest, ShareFetchResponse),
  api('ShareAcknowledge', ShareAcknowledgeRequest, ShareAcknowledgeResponse),
  api('AddRaftVoter', AddRaftVoterRequest, AddRaftVoterResponse),
  api('RemoveRaftVoter', RemoveRaftVoterRequest, RemoveRaftVoterResponse),
  api(
    'InitializeShareGroupState',
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
  ),
  api('ReadShareGroupState', ReadShareGroupStateRequest, ReadShareGroupStateResponse),
  api('WriteShareGroupState', WriteShareGroupStateRequest, WriteShareGroupStateResponse),
  api('DeleteShareGroupState', DeleteShareGroupStateRequest, DeleteShareGroupStateResponse),
  api(
    'ReadShareGroupStateSummary',
    ReadShareGroupStateSummaryRequest,
    ReadShareGroupStateSummaryResponse,
  ),
  api('StreamsGroupHeartbeat', StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse),
  api('StreamsGroupDescribe', StreamsGroupDescribeRequest, StreamsGroupDescribeResponse),
  api(
    'DescribeShareGroupOffsets',
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
  ),
  api('AlterShareGroupOffsets', AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse),
  api('DeleteShareGroupOffsets', DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse),
]

export const apis: ReadonlyMap<number, Api> = new Map(list.map((entry) => [entry.apiKey, entry]))

function api(name: string, request: AnyMessage, response: AnyMessage): Api {
  return { apiKey: request.apiKey, name, request, response }
}
