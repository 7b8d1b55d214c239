/** The path swallows everything and nobody says so. */
import assert from 'node:assert/strict'
import { lasting } from '../wait.ts'
import { SILENT } from './bounds.ts'
import type { Scenario } from './scenario.ts'

const DARK_MS = 4_000

export const blackhole: Scenario = {
  name: '6-blackhole',
  title: 'a silent blackhole of the path, then heal',
  // Apart: a side that only receives has nothing outstanding, and must find out all the same.
  runs: [['upload'], ['download']],
  async play(stand) {
    const { router } = stand.lab
    await stand.fault({ what: 'the heal of a silent blackhole', bound: SILENT, countsFrom: 'path' }, async () => {
      await router.blackhole()
      await lasting(DARK_MS)
      const swallowed = await router.swallowed()
      assert.ok(swallowed.packets > 0, 'the blackhole swallowed nothing')
      stand.notes.push(`${swallowed.packets} packets swallowed in ${DARK_MS} ms`)
      await router.heal()
    })
  },
}
