import { describe, expect, it } from 'vitest'
import {
  collisionKey,
  isInternalTopic,
  mayCollide,
  topicNameProblem,
} from '../../../engine/metadata/topic-name.ts'

describe('a topic name', () => {
  it.each(['a', 'A-z_0.9', '...', '.a', '-', '_', 'x'.repeat(249), '__consumer_offsets'])(
    '"%s" is legal',
    (name) => {
      expect(topicNameProblem(name)).toBeNull()
    },
  )

  const characters = (name: string) =>
    `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`

  it.each([
    ['', 'the empty string is not allowed'],
    ['.', "'.' is not allowed"],
    ['..', "'..' is not allowed"],
    [
      'x'.repeat(250),
      `the length of '${'x'.repeat(250)}' is longer than the max allowed length 249`,
    ],
    ['a b', characters('a b')],
    ['a/b', characters('a/b')],
    ['ä', characters('ä')],
    ['a\n', characters('a\n')],
    ['a\0', characters('a\0')],
    ['a:b', characters('a:b')],
  ])('%j is refused', (name, complaint) => {
    expect(topicNameProblem(name)).toBe(`Topic name is invalid: ${complaint}`)
  })
})

describe('a collision', () => {
  it('is between names that differ only in dots and underscores', () => {
    expect(collisionKey('a.b_c')).toBe(collisionKey('a_b.c'))
    expect(collisionKey('a.b')).not.toBe(collisionKey('a-b'))
    expect(collisionKey('a..b')).not.toBe(collisionKey('a.b'))
  })

  it('is impossible for names without either', () => {
    expect(mayCollide('a-b')).toBe(false)
    expect(mayCollide('a.b')).toBe(true)
    expect(mayCollide('a_b')).toBe(true)
  })
})

describe('an internal topic', () => {
  it('is one of three, by its exact name', () => {
    for (const name of ['__consumer_offsets', '__transaction_state', '__share_group_state'])
      expect(isInternalTopic(name)).toBe(true)
    for (const name of ['__cluster_metadata', '_consumer_offsets', '__CONSUMER_OFFSETS', ''])
      expect(isInternalTopic(name)).toBe(false)
  })
})
