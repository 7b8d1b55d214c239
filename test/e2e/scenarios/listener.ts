/** The listening side changes its address: the other one must find it again, or be found. */
import { ADDRESS } from '../lab/lab.ts'
import { TOGETHER } from './addresses.ts'
import { COLD, DOUBT, HEARTBEAT } from './bounds.ts'
import type { Scenario } from './scenario.ts'

const FRESH_FAR = '10.9.0.3'
const FRESH_NEAR = '10.1.0.3'

export const listenerName: Scenario = {
  name: '3a-listener-name',
  title: 'the listening side changes its address and its name follows',
  // Apart: a side that only receives learns of it by its heartbeat.
  runs: [['upload'], ['download']],
  stand: () => ({ farEndpoints: ['far.lab'], names: { 'far.lab': ADDRESS.far.v4 } }),
  async play(stand) {
    const bound = stand.directions.includes('upload') ? DOUBT : HEARTBEAT
    const fault = { what: 'a new address of the listening side', bound }
    const deadlineMs = 25_000
    await stand.fault(
      fault,
      async () => {
        await stand.lab.renumber('far', ADDRESS.far.v4, FRESH_FAR)
        stand.setNames({ 'far.lab': FRESH_FAR })
      },
      deadlineMs,
    )
    await stand.proveMoved([ADDRESS.far.v4], [FRESH_FAR, ADDRESS.far.v6])
  },
}

export const listenerDials: Scenario = {
  name: '3b-listener-dials',
  title: 'the listening side changes its address and dials what its peer advertised, with IP literals only',
  runs: TOGETHER,
  stand: () => ({ nearListens: true }),
  async play(stand) {
    const fault = { what: 'a new address of the listening side', bound: COLD }
    await stand.fault(fault, () => stand.lab.renumber('far', ADDRESS.far.v4, FRESH_FAR))
    await stand.proveMoved([ADDRESS.far.v4], [FRESH_FAR, ADDRESS.far.v6])
  },
}

export const bothMove: Scenario = {
  name: '4-both',
  title: 'both sides change their addresses at the same moment, names follow',
  runs: TOGETHER,
  stand: () => ({
    farEndpoints: ['far.lab'],
    nearEndpoints: ['near.lab'],
    names: { 'far.lab': ADDRESS.far.v4, 'near.lab': ADDRESS.a.v4 },
  }),
  async play(stand) {
    await stand.fault({ what: 'new addresses of both sides', bound: DOUBT }, async () => {
      stand.setNames({ 'far.lab': FRESH_FAR, 'near.lab': FRESH_NEAR })
      await Promise.all([
        stand.lab.renumber('far', ADDRESS.far.v4, FRESH_FAR),
        stand.lab.renumber('a', ADDRESS.a.v4, FRESH_NEAR),
      ])
    })
    await stand.proveMoved([ADDRESS.far.v4, ADDRESS.a.v4], [FRESH_FAR, ADDRESS.far.v6])
  },
}
