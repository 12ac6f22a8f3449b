/**
 * Cold requests about many partitions: each is sent to the shard that owns it, one call per shard,
 * and the answers come back in the order asked.
 */
import { assert } from '../engine/base/assert.ts'
import type { Router } from '../workers/router.ts'

/** Asks each owner about its share; `ask` gets a shard and that shard's items, in order. */
export async function callOwners<Item extends { readonly key: number }, Answer>(
  router: Router,
  items: readonly Item[],
  ask: (shard: number, items: readonly Item[]) => Promise<readonly Answer[]>,
): Promise<Answer[]> {
  const byShard = new Map<number, number[]>()
  items.forEach((item, place) => {
    const shard = router.ownerOf(item.key)
    const places = byShard.get(shard)
    if (places === undefined) byShard.set(shard, [place])
    else places.push(place)
  })
  const answers: Answer[] = new Array(items.length)
  await Promise.all(
    [...byShard].map(async ([shard, places]) => {
      const share = places.flatMap((place) => items[place] ?? [])
      const got = await ask(shard, share)
      assert(got.length === places.length, `${got.length} answers for ${places.length} partitions`)
      places.forEach((place, at) => {
        answers[place] = got[at] as Answer
      })
    }),
  )
  return answers
}
