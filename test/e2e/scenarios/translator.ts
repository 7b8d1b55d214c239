/** A translator on the path forgets: the far host sees another source port, and nobody tells the near host. */
import assert from 'node:assert/strict'
import { DOUBT, HEARTBEAT } from './bounds.ts'
import type { Scenario } from './scenario.ts'

export const rebinding: Scenario = {
  name: '7-rebinding',
  title: 'NAT rebinding, for a sender and for a pure receiver',
  runs: [['upload'], ['download']],
  stand: () => ({ isTranslated: true }),
  async play(stand) {
    const bound = stand.directions.includes('upload') ? DOUBT : HEARTBEAT
    const before = (await stand.carriers()).map(([, remote]) => remote)
    await stand.fault({ what: 'a translator that forgets', bound }, () => stand.lab.router.forgetTranslations(), 25_000)
    const after = (await stand.carriers()).map(([, remote]) => remote)
    const fresh = after.filter(remote => !before.includes(remote))
    assert.ok(before.length > 0 && fresh.length > 0, `the far host saw ${before.join(', ')}, then ${after.join(', ')}`)
    stand.notes.push(`the far host saw ${before.join(', ')}, then ${fresh.join(', ')}`)
  },
}
