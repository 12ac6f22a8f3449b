/**
 * Pages of index files that were read not long ago, of all files of a thread: a look-up in old data is a
 * binary search over a file, and the middle pages are the same for every one of them.
 *
 * Direct-mapped: a page has one slot, found from its file and number, and takes it from whoever has it.
 * Bound: SLOTS pages, made when first used. A page holds entries that are in the file for good; who cuts a
 * file gives its pages back (`forget`).
 */

export const PAGE_BYTES = 4096
/** A power of two. A search in the index of a segment of 1 GiB meets up to ten pages. */
const SLOTS = 32
/** Odd and large: files of one segment, made one after the other, land apart. */
const FILE_STRIDE = 0x9e37_79b1

export class EntryPage {
  readonly bytes = Buffer.allocUnsafeSlow(PAGE_BYTES)
  /** Number of the file, 0 = none. */
  fileNumber = 0
  /** First entry, and how many were in the file when it was read. */
  first = 0
  count = 0
}

const slots: (EntryPage | undefined)[] = new Array<EntryPage | undefined>(SLOTS).fill(undefined)
let lastFileNumber = 0

/** Names a file to these pages, never 0. */
export function nextFileNumber(): number {
  return ++lastFileNumber
}

/** The slot for a page of a file; whether it holds that page now, and enough of it, its fields say. */
export function pageSlot(fileNumber: number, pageNumber: number): EntryPage {
  const at = ((Math.imul(fileNumber, FILE_STRIDE) >>> 16) + pageNumber) & (SLOTS - 1)
  slots[at] ??= new EntryPage()
  return slots[at]
}

/** What was read of this file no longer counts. */
export function forgetPages(fileNumber: number): void {
  for (const page of slots) if (page?.fileNumber === fileNumber) page.fileNumber = 0
}
