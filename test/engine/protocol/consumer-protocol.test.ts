import { expect, test } from 'vitest'
import { MalformedRequest } from '../../../engine/base/errors.ts'
import { JoinGroupRequest } from '../../../engine/protocol/11-join-group.ts'
import { SyncGroupRequest } from '../../../engine/protocol/14-sync-group.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../engine/protocol/consumer-protocol.ts'
import { decodeRequestHeader } from '../../../engine/protocol/header.ts'
import { decoderFor } from '../../../engine/schema/codec.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { exchangesOf } from '../../support/golden-wire.ts'

test.each([0, 1, 2, 3])('version %i returns', (version) => {
  const subscription = {
    topics: ['a', 'b'],
    userData: null,
    ownedPartitions: version < 1 ? [] : [{ topic: 'a', partitions: [0, 1] }],
    generationId: version < 2 ? -1 : 5,
    rackId: version < 3 ? null : 'r1',
  }
  expect(decodeSubscription(encodeSubscription(subscription, version))).toEqual(subscription)
  const assignment = {
    assignedPartitions: [{ topic: 'a', partitions: [2] }],
    userData: Buffer.from('x'),
  }
  expect(decodeAssignment(encodeAssignment(assignment, version))).toEqual(assignment)
})

test('a later version is read as ours, a negative one is malformed', () => {
  const blob = Buffer.concat([encodeSubscription({ topics: ['a'] }), Buffer.from('later')])
  blob.writeInt16BE(9, 0)
  expect(decodeSubscription(blob).topics).toEqual(['a'])
  blob.writeInt16BE(-1, 0)
  expect(() => decodeSubscription(blob)).toThrow(MalformedRequest)
  expect(() => decodeSubscription(Buffer.alloc(0))).toThrow(MalformedRequest)
})

test('what real clients put into JoinGroup and SyncGroup can be read', () => {
  let subscriptions = 0
  let assignments = 0
  for (const { request } of exchangesOf('11-JoinGroup.jsonl')) {
    const header = decodeRequestHeader(request, 4, request.length)
    const body = decoderFor(
      JoinGroupRequest,
      header.apiVersion,
    )(new Reader(request, header.bodyStart))
    if (body.protocolType !== 'consumer') continue
    for (const { metadata } of body.protocols) {
      if (metadata.length < 6) continue
      expect(decodeSubscription(metadata).topics.length).toBeGreaterThan(0)
      subscriptions++
    }
  }
  for (const { request } of exchangesOf('14-SyncGroup.jsonl')) {
    const header = decodeRequestHeader(request, 4, request.length)
    const body = decoderFor(
      SyncGroupRequest,
      header.apiVersion,
    )(new Reader(request, header.bodyStart))
    for (const { assignment } of body.assignments) {
      if (assignment.length < 6) continue
      decodeAssignment(assignment)
      assignments++
    }
  }
  expect(subscriptions).toBeGreaterThan(10)
  expect(assignments).toBeGreaterThan(5)
})
