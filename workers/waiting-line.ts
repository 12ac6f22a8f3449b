/** A line of those who wait, from whose middle one may leave: each step O(1) however long it is. */

/** One place in a line; in one line at most. */
export class Place<Item> {
  readonly item: Item
  before: Place<Item> | null = null
  behind: Place<Item> | null = null

  constructor(item: Item) {
    this.item = item
  }
}

export class WaitingLine<Item> {
  private count = 0
  private head: Place<Item> | null = null
  private tail: Place<Item> | null = null

  get length(): number {
    return this.count
  }

  get first(): Place<Item> | null {
    return this.head
  }

  push(place: Place<Item>): void {
    place.before = this.tail
    if (this.tail === null) this.head = place
    else this.tail.behind = place
    this.tail = place
    this.count++
  }

  /** A place that stands in this line. */
  remove(place: Place<Item>): void {
    const { before, behind } = place
    if (before === null) this.head = behind
    else before.behind = behind
    if (behind === null) this.tail = before
    else behind.before = before
    place.before = null
    place.behind = null
    this.count--
  }
}
