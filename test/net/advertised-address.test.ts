import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, test } from 'vitest'
import type { ListenerConfig } from '../../engine/base/config-listeners.ts'
import {
  advertisedAddress,
  hostPort,
  type Machine,
  reachabilityWarning,
} from '../../net/advertised-address.ts'

const everywhere: ListenerConfig = {
  name: 'PLAINTEXT',
  host: '0.0.0.0',
  port: 0,
  advertisedHost: '',
  advertisedPort: 0,
}

function address(text: string, internal = false): NetworkInterfaceInfo {
  const family = text.includes(':') ? 'IPv6' : 'IPv4'
  const common = { address: text, netmask: '', mac: '', internal, cidr: null }
  return family === 'IPv4' ? { ...common, family } : { ...common, family, scopeid: 0 }
}

function machine(addresses: NetworkInterfaceInfo[], resolved: string | null): Machine {
  return { name: 'box', interfaces: { if0: addresses }, resolve: async () => resolved }
}

const loopback = address('127.0.0.1', true)

describe('a listener on all addresses is advertised', () => {
  test.each([
    ['by the name of the machine', [loopback, address('10.0.0.7')], '10.0.0.7', 'box'],
    ['by a name that the hosts file knows', [loopback], '127.0.1.1', 'box'],
    [
      'by IPv4 when the name is unknown',
      [address('fe80::1'), address('10.0.0.7')],
      null,
      '10.0.0.7',
    ],
    ['by IPv4 when the name is elsewhere', [loopback, address('10.0.0.7')], '8.8.8.8', '10.0.0.7'],
    [
      'by IPv6 when there is no other',
      [loopback, address('fe80::1'), address('fd00::2')],
      null,
      'fd00::2',
    ],
    ['as localhost without any network', [loopback], null, 'localhost'],
  ])('%s', async (_name, addresses, resolved, host) => {
    expect(await advertisedAddress(everywhere, 4711, machine(addresses, resolved))).toEqual({
      host,
      port: 4711,
    })
  })
})

test('what advertised.listeners says wins, host and port apart', async () => {
  const told = { ...everywhere, advertisedHost: 'k.example.org', advertisedPort: 19092 }
  const nowhere = machine([], null)
  expect(await advertisedAddress(told, 4711, nowhere)).toEqual({
    host: 'k.example.org',
    port: 19092,
  })
  expect(await advertisedAddress({ ...told, advertisedPort: 0 }, 4711, nowhere)).toEqual({
    host: 'k.example.org',
    port: 4711,
  })
})

test('an open port that is advertised as loopback is worth a warning, a loopback port is not', () => {
  const told = { host: 'localhost', port: 9092 }
  expect(reachabilityWarning(everywhere, told)).toMatch(
    /told to connect to localhost:9092[\s\S]*advertised\.listeners=PLAINTEXT:\/\//,
  )
  expect(reachabilityWarning({ ...everywhere, host: '127.0.0.1' }, told)).toBeNull()
  expect(reachabilityWarning(everywhere, { host: 'box', port: 9092 })).toBeNull()
})

test('addresses of IPv6 are written in brackets', () => {
  expect(hostPort({ host: '::1', port: 1 })).toBe('[::1]:1')
  expect(hostPort({ host: 'a.b', port: 1 })).toBe('a.b:1')
})
