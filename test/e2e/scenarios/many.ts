/** One connection through 200 address changes, and through several within one round trip. */
import assert from 'node:assert/strict'
import { ADDRESS } from '../lab/lab.ts'
import { TOGETHER } from './addresses.ts'
import { MANY } from './bounds.ts'
import type { Scenario } from './scenario.ts'

const MOVES = 200
const CARRIED_BYTES_MIN = 20_000
/** Counters of the router for the last of them; the first are long gone. */
const PROVED_MAX = 8
const BURSTS = 12
const MOVES_PER_BURST = 3
/** The machine may be too slow for some of them. */
const BURSTS_WITHIN_ROUND_TRIP_MIN = 4

export const many: Scenario = {
  name: '10-many',
  title: '200 migrations of one connection, also several within one round trip',
  runs: TOGETHER,
  async play(stand) {
    const { lab } = stand
    const { router } = lab
    let current: readonly string[] = Object.values(ADDRESS.a)
    const used = [current]
    await lab.uplinkDown('b')
    for (let move = 1; move <= MOVES; move++) {
      const next = addressesOf(1, move)
      await stand.fault({ what: `move ${move}`, bound: MANY }, () => lab.renumber('a', current, next))
      used.push(next)
      current = next
    }
    const sources = await router.sources()
    const bytesOf = (addresses: readonly string[]) =>
      addresses.reduce((sum, address) => sum + (sources.get(address)?.bytes ?? 0), 0)
    const carried = used.slice(1).filter(addresses => bytesOf(addresses) > CARRIED_BYTES_MIN)
    assert.equal(carried.length, MOVES, 'changes of address after which the router saw bytes of the new one')
    stand.notes.push(`the router saw more than ${CARRIED_BYTES_MIN} B after each of ${carried.length} changes`)

    let withinRoundTrip = 0
    for (let burst = 0; burst < BURSTS; burst++) {
      const next = Array.from({ length: MOVES_PER_BURST }, (_, index) =>
        addressesOf(2, burst * MOVES_PER_BURST + index + 1),
      )
      const before = current
      await stand.fault({ what: `burst ${burst + 1} of ${MOVES_PER_BURST} moves`, bound: MANY }, async () => {
        if ((await lab.renumberRapidly('a', [before, ...next])) < stand.rttMs) withinRoundTrip++
      })
      used.push(...next.slice(0, -1))
      current = next.at(-1) ?? before
    }
    assert.ok(withinRoundTrip >= BURSTS_WITHIN_ROUND_TRIP_MIN, `only ${withinRoundTrip} bursts within one round trip`)
    stand.notes.push(`${withinRoundTrip} of ${BURSTS} bursts of ${MOVES_PER_BURST} moves within one round trip`)
    await stand.proveMoved(used.slice(-PROVED_MAX).flat(), current)
  },
}

/** Of both families, so that whichever carries has to move. */
function addressesOf(group: number, host: number): readonly string[] {
  return [`10.1.${group}.${host}`, `fd01::${group}:${host}`]
}
