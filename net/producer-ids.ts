/**
 * Producer ids of one shard: handed out from a block that shard 0 has set aside for good, so that
 * an id is never given twice, restarts included (Kafka's ProducerIdManager; what is left of a block
 * at a stop is lost, which is harmless: there are 2^53).
 */
import { calls } from '../workers/messages.ts'
import type { Router } from '../workers/router.ts'

const CONTROLLER_SHARD = 0
/** As Kafka's blocks. */
const BLOCK_SIZE = 1000

export class ProducerIds {
  private readonly router: Router
  private nextId = 0
  private endId = 0
  private refill: Promise<void> | null = null

  constructor(router: Router) {
    this.router = router
  }

  /** A fresh id; rejects with ApiError when shard 0 cannot give a block. */
  async next(): Promise<number> {
    while (this.nextId >= this.endId) {
      this.refill ??= this.fetchBlock().finally(() => {
        this.refill = null
      })
      await this.refill
    }
    return this.nextId++
  }

  private async fetchBlock(): Promise<void> {
    const request = { count: BLOCK_SIZE }
    const block = await this.router.call(CONTROLLER_SHARD, calls.allocateProducerIds, request)
    this.nextId = block.firstProducerId
    this.endId = block.firstProducerId + block.count
  }
}
