/** The requests a group machine takes and the responses it gives, by API key. */
import type { OffsetCommitRequest, OffsetCommitResponse } from '../../protocol/08-offset-commit.ts'
import type { OffsetFetchRequest, OffsetFetchResponse } from '../../protocol/09-offset-fetch.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../../protocol/11-join-group.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '../../protocol/12-heartbeat.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../../protocol/13-leave-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../../protocol/14-sync-group.ts'
import type {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
} from '../../protocol/15-describe-groups.ts'
import type { ListGroupsRequest, ListGroupsResponse } from '../../protocol/16-list-groups.ts'
import type { DeleteGroupsRequest, DeleteGroupsResponse } from '../../protocol/42-delete-groups.ts'
import type { OffsetDeleteRequest, OffsetDeleteResponse } from '../../protocol/47-offset-delete.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../protocol/68-consumer-group-heartbeat.ts'
import type {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from '../../protocol/69-consumer-group-describe.ts'

export const GroupApi = {
  OffsetCommit: 8,
  OffsetFetch: 9,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  DescribeGroups: 15,
  ListGroups: 16,
  DeleteGroups: 42,
  OffsetDelete: 47,
  ConsumerGroupHeartbeat: 68,
  ConsumerGroupDescribe: 69,
} as const

export interface GroupApis {
  8: { request: OffsetCommitRequest; response: OffsetCommitResponse }
  9: { request: OffsetFetchRequest; response: OffsetFetchResponse }
  11: { request: JoinGroupRequest; response: JoinGroupResponse }
  12: { request: HeartbeatRequest; response: HeartbeatResponse }
  13: { request: LeaveGroupRequest; response: LeaveGroupResponse }
  14: { request: SyncGroupRequest; response: SyncGroupResponse }
  15: { request: DescribeGroupsRequest; response: DescribeGroupsResponse }
  16: { request: ListGroupsRequest; response: ListGroupsResponse }
  42: { request: DeleteGroupsRequest; response: DeleteGroupsResponse }
  47: { request: OffsetDeleteRequest; response: OffsetDeleteResponse }
  68: { request: ConsumerGroupHeartbeatRequest; response: ConsumerGroupHeartbeatResponse }
  69: { request: ConsumerGroupDescribeRequest; response: ConsumerGroupDescribeResponse }
}

export type GroupApiKey = keyof GroupApis

/** Who sent a request. */
export interface GroupClient {
  readonly clientId: string | null
  /** The peer's address in text form. */
  readonly host: string
}

export interface GroupRequestOf<Key extends GroupApiKey> {
  readonly apiKey: Key
  readonly apiVersion: number
  readonly client: GroupClient
  readonly body: GroupApis[Key]['request']
}

export type GroupRequest = { [Key in GroupApiKey]: GroupRequestOf<Key> }[GroupApiKey]
export type GroupResponse = GroupApis[GroupApiKey]['response']

/** True for the keys a group coordinator serves. */
export function isGroupApi(apiKey: number): apiKey is GroupApiKey {
  return (Object.values(GroupApi) as number[]).includes(apiKey)
}
