/**
 * `listeners` and `advertised.listeners`: NAME://host:port, several by comma. Source: Kafka's
 * SocketServerConfigs.listenerListToEndPoints and KafkaConfig.validateValues, whose texts are used.
 *
 * differs from Kafka: one port may serve several addresses of IPv4; listeners of controllers are accepted
 * and not opened; a listener that advertised.listeners leaves out is told to its clients as it is bound,
 * where Kafka tells them of no broker at all.
 */

export interface ListenerConfig {
  /** Upper case, as Kafka's ListenerName. */
  readonly name: string
  /** Address to bind; empty for all. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /**
   * What clients are told; empty: the bound address, or this machine's name when it binds to all.
   */
  readonly advertisedHost: string
  /** 0: the port that was bound. */
  readonly advertisedPort: number
}

export interface ListenerTexts {
  readonly listeners: readonly string[]
  readonly advertised: readonly string[] | null
  /** listener.security.protocol.map */
  readonly protocolMap: string
  /** controller.listener.names: left out. */
  readonly controllerNames: readonly string[]
  /** inter.broker.listener.name: must be one of the listeners. */
  readonly interBrokerName?: string | null
}

interface EndPoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

const END_POINT = /^(.*):\/\/\[?([0-9a-zA-Z\-%._:]*)\]?:(-?\d+)$/

/** Listeners that are accepted and not opened, as `NAME://host:port`. */
export function controllerListeners(texts: ListenerTexts): string[] {
  const controllers = new Set(texts.controllerNames.map((name) => name.toUpperCase()))
  return texts.listeners.filter((text) => controllers.has(text.split('://')[0]!.toUpperCase()))
}

/** Listeners that clients can reach and advertised.listeners says nothing of. */
export function unadvertisedListeners(texts: ListenerTexts): string[] {
  const { advertised, listeners } = texts
  if (advertised === null) return []
  const nameOf = (text: string): string => text.split('://')[0]!.toUpperCase()
  const told = new Set(advertised.map(nameOf))
  const controllers = new Set(controllerListeners(texts))
  return listeners.filter((text) => !controllers.has(text) && !told.has(nameOf(text))).map(nameOf)
}

/** Listeners to open, in order. Complaints go to `errors`; the list is of use only without any. */
export function parseListeners(texts: ListenerTexts, errors: string[]): ListenerConfig[] {
  const controllers = new Set(texts.controllerNames.map((name) => name.toUpperCase()))
  const bound = endPoints('listeners', texts.listeners, errors)
  const advertised =
    texts.advertised === null ? null : endPoints('advertised.listeners', texts.advertised, errors)
  checkNames(bound, errors)
  checkNames(advertised ?? [], errors)
  checkPorts(bound, errors)
  checkProtocols(bound, controllers, texts.protocolMap, errors)
  const open = bound.filter(({ name }) => !controllers.has(name))
  checkInterBroker(texts.interBrokerName ?? null, open, errors)
  if (open.length === 0 && errors.length === 0)
    errors.push('listeners names no listener for clients: all of them belong to controllers')
  for (const point of advertised ?? []) {
    if (!bound.some(({ name }) => name === point.name))
      errors.push(
        `advertised.listeners names ${point.name}, which listeners does not have: ` +
          `${bound.map(({ name }) => name).join(',')}`,
      )
    if (point.host === '0.0.0.0')
      errors.push(
        'advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a ' +
          'routable IP address.',
      )
  }
  return open.map((point) => {
    const told = advertised?.find(({ name }) => name === point.name)
    const meta = point.host === '0.0.0.0' || point.host === '::'
    return {
      ...point,
      advertisedHost: told?.host ?? (meta ? '' : point.host),
      advertisedPort: told?.port ?? point.port,
    }
  })
}

function checkInterBroker(
  wanted: string | null,
  open: readonly EndPoint[],
  errors: string[],
): void {
  if (wanted === null || open.some(({ name }) => name === wanted.toUpperCase())) return
  errors.push(
    `inter.broker.listener.name must be one of the listeners for clients: ${wanted} is not among ` +
      `${open.map(({ name }) => name).join(',')}`,
  )
}

function endPoints(option: string, texts: readonly string[], errors: string[]): EndPoint[] {
  const points: EndPoint[] = []
  for (const text of texts) {
    const match = END_POINT.exec(text)
    const port = Number(match?.[3])
    if (match === null || match[1] === '' || port < 0 || port > 65_535) {
      errors.push(`Unable to parse ${text} to a broker endpoint; ${option} takes NAME://host:port`)
      continue
    }
    points.push({ name: match[1]!.toUpperCase(), host: match[2]!, port })
  }
  if (texts.length === 0) errors.push(`${option} is empty: name at least one NAME://host:port`)
  return points
}

function checkNames(points: readonly EndPoint[], errors: string[]): void {
  const names = new Set<string>()
  for (const { name } of points) {
    if (names.has(name))
      errors.push(`Each listener must have a different name: ${name} comes twice`)
    names.add(name)
  }
}

function checkPorts(points: readonly EndPoint[], errors: string[]): void {
  const ports = new Set<string>()
  for (const { host, port } of points) {
    // One port may serve two addresses, as one of IPv4 and one of IPv6 (KIP-797).
    const place = `${host}:${port}`
    if (port !== 0 && ports.has(place))
      errors.push(`Each listener must have a different port: ${place} comes twice`)
    ports.add(place)
  }
}

const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

function checkProtocols(
  points: readonly EndPoint[],
  controllers: ReadonlySet<string>,
  protocolMap: string,
  errors: string[],
): void {
  const protocols = new Map<string, string>()
  for (const entry of protocolMap.split(',')) {
    const colon = entry.lastIndexOf(':')
    if (colon > 0)
      protocols.set(
        entry.slice(0, colon).trim().toUpperCase(),
        entry
          .slice(colon + 1)
          .trim()
          .toUpperCase(),
      )
  }
  for (const { name } of points) {
    if (controllers.has(name)) continue
    const protocol = protocols.get(name)
    if (protocol === undefined)
      errors.push(
        `No security protocol defined for listener ${name}: add ${name}:PLAINTEXT to ` +
          'listener.security.protocol.map',
      )
    else if (!PROTOCOLS.includes(protocol))
      errors.push(
        `listener.security.protocol.map gives ${name} a protocol that is none of ` +
          PROTOCOLS.join(', '),
      )
    else if (protocol !== 'PLAINTEXT')
      errors.push(
        `listener ${name} asks for ${protocol}, which is not built yet, and opening it without ` +
          `would send in the clear what was to be protected: ${insteadOf(name, protocol)}`,
      )
  }
}

/** What to do for now about a protocol that is not built. */
function insteadOf(name: string, protocol: string): string {
  const plain = `for now set listener.security.protocol.map=${name}:PLAINTEXT`
  const clients = 'and security.protocol=PLAINTEXT in the clients'
  return protocol === 'SASL_PLAINTEXT'
    ? `${plain} ${clients}, on an address only trusted machines reach`
    : `${plain} ${clients}, or keep TLS to clients by a TLS proxy in front of it`
}
