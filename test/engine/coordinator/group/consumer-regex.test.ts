/** Subscriptions by pattern: the matcher by itself, and what it does to a group. */
import { describe, expect, it } from 'vitest'
import { compilePattern } from '../../../../engine/coordinator/group/topic-pattern.ts'
import {
  ConsumerMemberClient,
  consumerGroup,
  heartbeat,
  joinBody,
  settle,
} from '../../../support/consumer-group-client.ts'
import { VirtualHost } from '../../../support/coordinator-host.ts'
import { GroupClient } from '../../../support/group-client.ts'

function matches(pattern: string, name: string): boolean {
  const compiled = compilePattern(pattern)
  if ('problem' in compiled) throw new Error(compiled.problem)
  return compiled.pattern.matches(name)
}

function problemOf(pattern: string): string | null {
  const compiled = compilePattern(pattern)
  return 'problem' in compiled ? compiled.problem : null
}

describe('a pattern of topic names', () => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ['orders', ['orders'], ['orders2', 'my-orders', '']],
    ['orders.*', ['orders', 'orders.eu'], ['my-orders']],
    ['^orders-[0-9]+$', ['orders-1', 'orders-42'], ['orders-', 'orders-x']],
    ['a|bc|', ['a', 'bc', ''], ['abc']],
    ['(ab){2,3}', ['abab', 'ababab'], ['ab', 'abababab']],
    ['a{2}b?', ['aa', 'aab'], ['a', 'aabb']],
    ['a{2,}', ['aa', 'aaaa'], ['a']],
    ['a{,2}', ['a{,2}'], ['aa']],
    ['[^a-c_]+', ['xyz'], ['xbz', '_']],
    ['[]a]+', [']a'], ['[']],
    ['[a\\-z]+', ['a-z'], ['b']],
    ['[[:alpha:]][[:^digit:]]', ['ab'], ['1b', 'a1']],
    ['\\w+\\.\\d{3}', ['eu_1.042'], ['eu-1.042']],
    ['\\Qa.b\\E+', ['a.b'], ['aab']],
    ['(?i)Orders', ['ORDERS', 'orders'], ['order']],
    ['(?i:O)rders', ['orders', 'Orders'], ['ORDERS']],
    ['(?P<year>\\d+)-(?<month>\\d+)', ['2026-11'], ['2026']],
    ['(?:a|b)*?c', ['c', 'abac'], ['abad']],
    ['\\pL+\\x2d\\x{31}', ['abc-1'], ['123-1']],
    ['\\bab\\b', ['ab'], ['abc']],
    ['\\Aab\\z', ['ab'], ['xab']],
    ['.+', ['x'], ['']],
  ]
  for (const [pattern, yes, no] of cases)
    it(`matches whole names: ${pattern}`, () => {
      for (const name of yes) expect([name, matches(pattern, name)]).toEqual([name, true])
      for (const name of no) expect([name, matches(pattern, name)]).toEqual([name, false])
    })

  const problems: [string, RegExp][] = [
    ['syn(', /^missing closing \)$/],
    ['syn)', /^regexp.syntax: internal error$/],
    ['[a', /^missing closing \]/],
    ['*a', /^missing argument to repetition operator/],
    ['a**', /^invalid nested repetition operator/],
    ['(?=a)', /^invalid or unsupported Perl syntax/],
    ['(a)\\1', /^invalid escape sequence/],
    ['a{1001}', /^invalid repeat count/],
    ['[b-a]', /^invalid character class range/],
    ['\\', /^trailing backslash/],
    ['(((x{100}){100}){100}){100}', /^expression too large$/],
    ['a'.repeat(2_000), /^expression too long$/],
    ['\\p{Nonsense}', /^invalid character class range/],
  ]
  for (const [pattern, problem] of problems)
    it(`is refused with a reason: ${pattern.slice(0, 30)}`, () =>
      expect(problemOf(pattern)).toMatch(problem))

  it('takes no longer for patterns made to backtrack, nor for repeated nothing', () => {
    expect(matches('(a*)*(a*)*(a|aa)+(a|a?)+b', 'a'.repeat(240))).toBe(false)
    expect(matches('((((){1000}){1000}){1000}){1000}', 'a')).toBe(false)
  })
})

async function start() {
  const host = new VirtualHost()
  for (const name of ['orders-1', 'orders-2', 'other']) host.addTopic(name, 2)
  const client = await GroupClient.start({}, host)
  const member = new ConsumerMemberClient(client, 'a', null)
  member.regex = 'orders-.*'
  return { host, client, member }
}

describe('a subscription by pattern', () => {
  it('gets the topics that match with the heartbeat after the one that joins', async () => {
    const { client, member } = await start()
    await member.beat()
    expect([member.epoch, member.count]).toEqual([1, 0])
    await member.beat()
    expect([member.epoch, member.count]).toEqual([2, 4])
    const resolved = consumerGroup(client).regexes.get('orders-.*')
    expect([...(resolved?.topics ?? [])]).toEqual(['orders-1', 'orders-2'])
  })

  it('finds new topics, ten seconds after the last look at the earliest', async () => {
    const { client, host, member } = await start()
    await member.beat()
    await client.advance(0)
    await settle([member])
    host.addTopic('orders-3', 1)
    await client.advance(5_000)
    await settle([member])
    expect(member.count).toBe(4)
    await client.advance(6_000)
    await member.beat()
    await client.advance(0)
    await settle([member])
    expect(member.count).toBe(5)
  })

  it('adds to the names subscribed to, and goes with an empty pattern', async () => {
    const { client, member } = await start()
    member.topics = ['other']
    await member.beat()
    await client.advance(0)
    await settle([member])
    expect(member.count).toBe(6)
    member.regex = ''
    await settle([member])
    expect([member.count, consumerGroup(client).regexes.size]).toEqual([2, 0])
  })

  it('is forgotten with its last subscriber, and known after a restart', async () => {
    const { client, member } = await start()
    const other = new ConsumerMemberClient(client, 'b', ['other'])
    await settle([member, other])
    await client.advance(0)
    await settle([member, other])
    await client.restart()
    expect(consumerGroup(client).regexes.size).toBe(1)
    await member.leave()
    expect(consumerGroup(client).regexes.size).toBe(0)
    await client.restart()
    expect(consumerGroup(client).regexes.size).toBe(0)
  })

  it('is INVALID_REGULAR_EXPRESSION when it cannot be read', async () => {
    const { client } = await start()
    const joining = { ...joinBody('a', null), subscribedTopicRegex: 'syn(' }
    const answer = await heartbeat(client, joining)
    expect([answer.errorCode, answer.errorMessage]).toEqual([
      128,
      'SubscribedTopicRegex `syn(` is not a valid regular expression: missing closing ).',
    ])
  })
})
