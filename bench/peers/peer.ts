/**
 * A broker to be measured: how its folder is prepared and how its process is started. Everything else
 * (ports, start time, figures, end) is the same for all and lives in peer-process.ts. A further peer is
 * one file like sluice.ts or kafka.ts and a line in peer-list.ts.
 */
import type { ToolRun } from './own-tool.ts'

export interface PeerFolder {
  /** Empty, the peer's own. */
  readonly folder: string
  readonly port: number
  /** A second free port, for peers that need one. */
  readonly spare: number
}

export interface PeerCommand {
  readonly command: string
  readonly args: readonly string[]
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
}

export interface TopicConfig {
  readonly name: string
  readonly value: string
}

export interface Peer {
  readonly name: string
  /** One line for reports: version and what matters of its setting. */
  readonly setting: string
  /** A topic with these is on storage before it is answered for. */
  readonly syncConfigs: readonly TopicConfig[]
  /** Cells of stock clients need more of Kafka's protocol than the floor has. */
  readonly servesClients: boolean
  /** Gets faster while it runs: a just-in-time compiler needs load before it is measured. */
  readonly compilesInTime: boolean
  /** Speaks another protocol and is measured by its own tool; absent: Kafka's. */
  readonly ownTool?: OwnTool
  /** Why it cannot run here, or null. */
  missing(): Promise<string | null>
  /** What a user does once before the first start (Kafka: format); not timed. */
  prepare(where: PeerFolder): void
  command(where: PeerFolder): PeerCommand
}

export interface OwnTool {
  /** For reports: which protocol and which tool. */
  readonly protocol: string
  /** How a cell is run, null where the peer has nothing like it. */
  runOf(cell: string, port: number): ToolRun | null
}
