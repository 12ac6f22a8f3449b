/**
 * A broker to be measured: how its folder is prepared and how its process is started. Everything else
 * (ports, start time, figures, end) is the same for all and lives in peer-process.ts. A further peer is
 * one file like sluice.ts or kafka.ts and a line in peer-list.ts.
 */

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
}

export interface Peer {
  readonly name: string
  /** One line for reports: version and what matters of its setting. */
  readonly setting: string
  /** Why it cannot run here, or null. */
  missing(): string | null
  /** What a user does once before the first start (Kafka: format); not timed. */
  prepare(where: PeerFolder): void
  command(where: PeerFolder): PeerCommand
}
