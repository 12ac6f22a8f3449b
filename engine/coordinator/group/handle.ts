/**
 * The group coordinator of one shard: the partitions of __consumer_offsets that it owns, each with
 * its machine. Called by engine/shard.ts with decoded requests; net routes by groupPartition()
 * and splits requests of several groups with split.ts.
 *
 * A partition must be loaded before it serves: until then 14 (COORDINATOR_LOAD_IN_PROGRESS), and 16
 * (NOT_COORDINATOR) when the shard does not have it. A group that nobody has written to lives in a
 * partition whose log does not exist yet; loading such a partition is immediate.
 */
import { assert } from '../../base/assert.ts'
import { ErrorCode } from '../../base/errors.ts'
import { CoordinatorRuntime } from '../runtime.ts'
import type { CoordinatorHost } from '../state-machine.ts'
import type { GroupConfig } from './config.ts'
import { GroupMachine } from './group-machine.ts'
import { refuseGroupRequest } from './refuse.ts'
import type {
  GroupApiKey,
  GroupApis,
  GroupClient,
  GroupRequest,
  GroupRequestOf,
  GroupResponse,
} from './requests.ts'

type GroupRuntime = CoordinatorRuntime<GroupRequest, GroupResponse, GroupMachine>

export class GroupCoordinator {
  private readonly host: CoordinatorHost
  private readonly config: GroupConfig
  private readonly owned: Map<number, GroupRuntime>

  constructor(host: CoordinatorHost, config: GroupConfig) {
    this.host = host
    this.config = config
    this.owned = new Map()
  }

  /** Takes a partition over and replays its log; rejects, and lets go again, when that fails. */
  async loadPartition(partition: number): Promise<void> {
    assert(!this.owned.has(partition), `partition ${partition} is taken over once`)
    const owned: GroupRuntime = new CoordinatorRuntime(
      this.host,
      partition,
      (context) => new GroupMachine(this.config, context),
    )
    this.owned.set(partition, owned)
    try {
      await owned.load()
    } catch (error) {
      if (this.owned.get(partition) === owned) this.owned.delete(partition)
      throw error
    }
  }

  /** Gives a partition up: parked requests are answered with NOT_COORDINATOR. */
  unloadPartition(partition: number): void {
    this.owned.get(partition)?.unload()
    this.owned.delete(partition)
  }

  /** Gives all partitions up, for an orderly stop. */
  unloadAll(): void {
    for (const partition of [...this.owned.keys()]) this.unloadPartition(partition)
  }

  /**
   * Answers one request, at once or when its group lets it. All groups it names must belong to
   * `partition`. Buffers of the request are copied where they are kept. Never rejects.
   */
  async handle<Key extends GroupApiKey>(
    partition: number,
    apiKey: Key,
    apiVersion: number,
    client: GroupClient,
    body: GroupApis[Key]['request'],
  ): Promise<GroupApis[Key]['response']> {
    const part: GroupRequestOf<Key> = { apiKey, apiVersion, client, body }
    // The key says which request and response these are; the compiler cannot follow it here.
    const request = part as GroupRequest
    const owned = this.owned.get(partition)
    const response =
      owned === undefined
        ? refuseGroupRequest(request, ErrorCode.NOT_COORDINATOR)
        : await owned.handle(request)
    return response as GroupApis[Key]['response']
  }

  /** Offsets of topics that exist no more are removed from every group of this shard. */
  onTopicsDeleted(names: Iterable<string>): void {
    const gone = new Set(names)
    for (const runtime of this.owned.values())
      if (runtime.isActive) runtime.machine.onTopicsDeleted(gone)
  }

  /** A transaction marker was committed to the partition's log. */
  onTransactionMarker(partition: number, producerId: number, committed: boolean): void {
    this.owned.get(partition)?.endTransaction(producerId, committed)
  }

  /** The machine of a partition this shard owns, for checks, metrics and tests. */
  machineOf(partition: number): GroupMachine | undefined {
    return this.owned.get(partition)?.machine
  }
}
