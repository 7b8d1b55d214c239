import t from 'tap'
import { parseDuration } from '../../src/config/duration.ts'

t.test('reads every unit as milliseconds, and a number as seconds', async t => {
  const rows: [string | number, number][] = [
    ['500ms', 500],
    ['90s', 90_000],
    ['1.5s', 1_500],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    [' 2h ', 7_200_000],
    ['0s', 0],
    [90, 90_000],
    [0.25, 250],
    [0, 0],
  ]
  for (const [written, ms] of rows) t.equal(parseDuration(written), ms, JSON.stringify(written))
})

t.test('refuses what is no duration', async t => {
  const rows = ['', '90', 's', '-1s', '1 s', '1w', '1h30m', '.5s', '1.s', 'Infinitys', -1, Number.NaN, Infinity]
  for (const written of rows) t.equal(parseDuration(written), undefined, String(written))
})
