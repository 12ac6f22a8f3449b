import { expect, it } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import { isKoffiInstalled } from '../../net/koffi.ts'
import { shardCount } from '../../net/shard-threads.ts'

it.each([
  ['one per core', { sluiceShards: null, sluiceNativeCalls: true }, 6, isKoffiInstalled() ? 6 : 3],
  [
    'one per two cores without native calls',
    { sluiceShards: null, sluiceNativeCalls: false },
    5,
    3,
  ],
  ['at least one', { sluiceShards: null, sluiceNativeCalls: false }, 1, 1],
  ['what was asked for', { sluiceShards: 7, sluiceNativeCalls: false }, 2, 7],
  [
    'no more than the rings are made for',
    { sluiceShards: null, sluiceNativeCalls: true },
    9_999,
    limits.shardsMax,
  ],
] as const)('has %s', (_, config, cores, expected) => {
  expect(shardCount(config, cores)).toBe(expected)
})
