import { describe, expect, test } from 'vitest'
import { brokerOptions, camelCase, parseBrokerConfig } from '../../../engine/base/config.ts'
import { editDistance, nearestName, retiredOption } from '../../../engine/base/config-names.ts'

function parse(settings: Record<string, string> = {}) {
  return parseBrokerConfig(new Map(Object.entries(settings)))
}

describe('a broker configuration', () => {
  test('has every served option as a field at its default', () => {
    const { config, errors, warnings } = parse()
    expect([...errors, ...warnings]).toEqual([])
    const fields = new Map(Object.entries(config))
    for (const [name, option] of brokerOptions) {
      if (option.support !== 'served' || name === 'broker.id') continue
      expect(fields.get(camelCase(name)), name).toEqual(option.default)
    }
    expect(config.brokerId).toBe(config.nodeId)
    expect(config.fetchMaxBytes).toBe(57_671_680)
  })

  test('survives a structured clone, as threads get it', () => {
    const { config } = parse({ 'num.partitions': '3' })
    expect(structuredClone(config)).toEqual(config)
  })

  test('keeps what was set as text and reads it by type', () => {
    const { config } = parse({ 'log.retention.ms': ' +5 ', 'auto.create.topics.enable': 'FALSE' })
    expect(config.logRetentionMs).toBe(5)
    expect(config.autoCreateTopicsEnable).toBe(false)
    expect(config.settings.get('log.retention.ms')).toBe(' +5 ')
  })

  test('reports everything that is wrong at once, with defaults in place', () => {
    const { config, errors } = parse({
      'num.partitions': 'many',
      'fetch.max.bytes': '5',
      nonsense: '1',
    })
    expect(errors).toEqual([
      'Invalid value many for configuration num.partitions: Not a number of type INT',
      'Invalid value 5 for configuration fetch.max.bytes: Value must be at least 1024',
      'unknown option nonsense',
    ])
    expect(config.numPartitions).toBe(1)
  })
})

describe('names', () => {
  test('that are unknown come with the nearest known one', () => {
    expect(parse({ 'num.partitons': '3' }).errors).toEqual([
      'unknown option num.partitons; did you mean num.partitions?',
    ])
  })

  test('of topic options point to the broker option behind them', () => {
    expect(parse({ 'retention.ms': '3' }).errors).toEqual([
      'retention.ms is an option of topics; for the broker write log.retention.ms',
    ])
  })

  test('Kafka once had are warned of with what to do instead', () => {
    const { errors, warnings } = parse({
      'zookeeper.connect': 'a:2181',
      'host.name': 'a',
      port: '1',
    })
    expect(errors).toEqual([])
    expect(warnings).toEqual([
      'zookeeper.connect has no effect: sluice keeps its metadata itself and needs no ' +
        'ZooKeeper; remove it',
      'host.name, port have no effect: write listeners=PLAINTEXT://host:port instead',
    ])
    expect(retiredOption('listener.name.a.plain.sasl.jaas.config')).not.toBeNull()
    expect(retiredOption('no.such')).toBeNull()
  })

  test('are compared by insertions, deletions, replacements and swaps', () => {
    expect(editDistance('', 'abc')).toBe(3)
    expect(editDistance('abcd', 'abdc')).toBe(1)
    expect(editDistance('kitten', 'sitting')).toBe(3)
    expect(editDistance('same', 'same')).toBe(0)
    expect(nearestName('completely.different', ['num.partitions'])).toBeNull()
  })
})

describe('options without effect', () => {
  test('at their default are passed over', () => {
    expect(parse({ 'num.io.threads': '8', 'ssl.client.auth': 'none' }).warnings).toEqual([])
  })

  test('with another value are warned of, one line for the same advice', () => {
    expect(parse({ 'num.io.threads': '16', 'num.network.threads': '6' }).warnings).toEqual([
      'num.io.threads, num.network.threads have no effect: threads follow the machine; set ' +
        'sluice.shards instead',
    ])
  })

  test('are still checked for their type', () => {
    expect(parse({ 'num.io.threads': 'x' }).errors).toEqual([
      'Invalid value x for configuration num.io.threads: Not a number of type INT',
    ])
  })

  test('that would be unsafe to pass over stop the start', () => {
    const { errors } = parse({ 'authorizer.class.name': 'a.b.C' })
    expect(errors).toEqual([
      'authorizer.class.name cannot be set: access control is not built yet, and starting ' +
        'without it would leave everything open',
    ])
    expect(parse({ 'authorizer.class.name': '' }).errors).toEqual([])
    expect(parse({ 'remote.log.storage.system.enable': 'true' }).errors).toHaveLength(1)
    expect(parse({ 'remote.log.storage.system.enable': 'false' }).errors).toEqual([])
  })
})

describe('the number of the broker', () => {
  test('may be called node.id or broker.id', () => {
    expect(parse({ 'node.id': '7' }).config).toMatchObject({ nodeId: 7, brokerId: 7 })
    expect(parse({ 'broker.id': '7' }).config).toMatchObject({ nodeId: 7, brokerId: 7 })
    expect(parse({ 'broker.id': '7', 'node.id': '7' }).errors).toEqual([])
  })

  test('may not be two', () => {
    expect(parse({ 'broker.id': '7', 'node.id': '8' }).errors).toEqual([
      'You must set `node.id` to the same value as `broker.id`: they are 8 and 7',
    ])
  })

  test('is not that of a controller alone', () => {
    expect(parse({ 'process.roles': 'broker' }).errors).toEqual([])
    expect(parse({ 'process.roles': 'controller' }).errors).toHaveLength(1)
  })
})

describe('listeners', () => {
  const listeners = (settings: Record<string, string>) => parse(settings).config.clientListeners

  test('are told to clients as advertised.listeners says, else as they are bound', () => {
    expect(
      listeners({
        listeners: 'PLAINTEXT://10.0.0.1:9092,OUT://:9093',
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,OUT:PLAINTEXT',
        'advertised.listeners': 'PLAINTEXT://a:1,out://b.c:2',
      }),
    ).toEqual([
      { name: 'PLAINTEXT', host: '10.0.0.1', port: 9092, advertisedHost: 'a', advertisedPort: 1 },
      { name: 'OUT', host: '', port: 9093, advertisedHost: 'b.c', advertisedPort: 2 },
    ])
    expect(listeners({ listeners: 'PLAINTEXT://0.0.0.0:0' })).toEqual([
      { name: 'PLAINTEXT', host: '0.0.0.0', port: 0, advertisedHost: '', advertisedPort: 0 },
    ])
  })

  test('take addresses of IPv6 in brackets', () => {
    expect(listeners({ listeners: 'PLAINTEXT://[::1]:9092' })).toMatchObject([
      { host: '::1', advertisedHost: '::1' },
    ])
  })

  test('left out of advertised.listeners are told as they are bound, with a warning', () => {
    const { config, errors, warnings } = parse({
      listeners: 'IN://10.0.0.1:1,OUT://:2',
      'listener.security.protocol.map': 'IN:PLAINTEXT,OUT:PLAINTEXT',
      'advertised.listeners': 'OUT://a:3',
    })
    expect(errors).toEqual([])
    expect(config.clientListeners).toMatchObject([
      { name: 'IN', advertisedHost: '10.0.0.1', advertisedPort: 1 },
      { name: 'OUT', advertisedHost: 'a', advertisedPort: 3 },
    ])
    expect(warnings).toEqual([
      'advertised.listeners says nothing of IN: clients there are told the address it is bound to',
    ])
  })

  test('for brokers among themselves must be one of those for clients', () => {
    const settings = { listeners: 'PLAINTEXT://:1', 'inter.broker.listener.name': 'plaintext' }
    expect(parse(settings)).toMatchObject({ errors: [], warnings: [] })
    expect(parse({ ...settings, 'inter.broker.listener.name': 'OTHER' }).errors).toEqual([
      'inter.broker.listener.name must be one of the listeners for clients: OTHER is not among ' +
        'PLAINTEXT',
    ])
  })

  test('of controllers are told in one line with all that belongs to them', () => {
    const { warnings } = parse({
      listeners: 'PLAINTEXT://:1,C://:2',
      'controller.listener.names': 'C',
      'controller.quorum.voters': '1@a:2,2@b:2,3@c:2',
      'process.roles': 'broker,controller',
    })
    expect(warnings).toEqual([
      'controller.quorum.voters, process.roles, the listener C://:2 have no effect: sluice keeps ' +
        'its metadata itself and needs no controllers; remove it',
      'controller.quorum.voters names 3 controllers: this broker runs alone and does not join them',
    ])
  })

  test('of controllers are not opened', () => {
    const settings = { listeners: 'PLAINTEXT://:1,C://:2', 'controller.listener.names': 'C' }
    expect(listeners(settings).map(({ name }) => name)).toEqual(['PLAINTEXT'])
  })

  test.each([
    [{ listeners: 'PLAINTEXT:9092' }, 'Unable to parse PLAINTEXT:9092'],
    [{ listeners: 'PLAINTEXT://:70000' }, 'Unable to parse'],
    [{ listeners: '' }, 'listeners is empty'],
    [{ listeners: 'PLAINTEXT://:1,PLAINTEXT://:2' }, 'must have a different name'],
    [{ listeners: 'PLAINTEXT://:1,SSL://:1' }, 'must have a different port'],
    [{ listeners: 'SSL://:1' }, 'not built yet'],
    [{ listeners: 'INNER://:1' }, 'No security protocol defined for listener INNER'],
    [{ 'advertised.listeners': 'PLAINTEXT://0.0.0.0:1' }, 'nonroutable meta-address'],
    [{ 'advertised.listeners': 'OTHER://a:1' }, 'names OTHER'],
    [{ 'advertised.listeners': 'PLAINTEXT://a:1,PLAINTEXT://b:2' }, 'must have a different name'],
    [{ listeners: 'C://:1', 'controller.listener.names': 'C' }, 'no listener for clients'],
  ])('%j is refused: %s', (settings, message) => {
    expect(parse(settings as Record<string, string>).errors.join('\n')).toContain(message)
  })
})

describe('options that depend on each other', () => {
  test.each([
    [{ 'log.retention.ms': '0' }, 'log.retention.ms must be unlimited (-1)'],
    [
      { 'group.consumer.session.timeout.ms': '1000' },
      'group.consumer.session.timeout.ms must be greater than or equal to ' +
        'group.consumer.min.session.timeout.ms',
    ],
    [
      { 'group.consumer.heartbeat.interval.ms': '20000' },
      'group.consumer.heartbeat.interval.ms must be less than or equal to ' +
        'group.consumer.max.heartbeat.interval.ms',
    ],
    [
      {
        'group.consumer.heartbeat.interval.ms': '45000',
        'group.consumer.max.heartbeat.interval.ms': '45000',
      },
      'group.consumer.heartbeat.interval.ms must be less than group.consumer.session.timeout.ms',
    ],
    [{ 'log.retention.hours': '-2' }, 'log.retention.hours must be unlimited (-1)'],
    [
      { 'group.min.session.timeout.ms': '5', 'group.max.session.timeout.ms': '4' },
      'is greater than',
    ],
    [{ 'log.dirs': '' }, 'log.dirs names no folder'],
  ])('%j is refused: %s', (settings, message) => {
    expect(parse(settings as Record<string, string>).errors.join('\n')).toContain(message)
  })
})
