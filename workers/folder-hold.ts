/**
 * Whether folders for new partitions may be made in a data folder, one shared word for each: shard 0 holds
 * them back while the checkpoints there may still tell of a deleted topic, whose name a new one may have
 * (checkpointer.ts).
 */

/** Room for it. */
export function folderHoldMemory(dataFolders: readonly string[]): SharedArrayBuffer {
  return new SharedArrayBuffer(dataFolders.length * Int32Array.BYTES_PER_ELEMENT)
}

export class FolderHold {
  private readonly words: Int32Array
  private readonly dataFolders: readonly string[]

  /** `memory`: folderHoldMemory() of the same folders. */
  constructor(dataFolders: readonly string[], memory: SharedArrayBuffer) {
    this.dataFolders = dataFolders
    this.words = new Int32Array(memory)
  }

  isHeld(dataFolder: string): boolean {
    return Atomics.load(this.words, this.dataFolders.indexOf(dataFolder)) !== 0
  }

  hold(dataFolder: string): void {
    Atomics.store(this.words, this.dataFolders.indexOf(dataFolder), 1)
  }

  release(dataFolder: string): void {
    Atomics.store(this.words, this.dataFolders.indexOf(dataFolder), 0)
  }
}
