/**
 * `npm run soak`: mixed traffic for a long time under migrations and stopped sidecars, and whether anything is left of it
 * (soak/soak.ts). Samples go to e2e-results/soak as JSON, and as a chart.
 * Exit code 0: every transfer was right, and nothing was left; 1: not; 2: it cannot run here, or the command line is wrong.
 */
import { parseArgs } from 'node:util'
import { longRun } from './long-run.ts'
import { chartOf } from './soak/chart.ts'
import { soak } from './soak/soak.ts'

const USAGE = `usage: npm run soak -- [--minutes N] [--seed N]

  --minutes N   how long (default 60); results go to e2e-results/soak
  --seed N      what is drawn: the pauses, the causes and the kinds of traffic (default 1)`

process.exitCode = await longRun('soak', USAGE, async run => {
  const options = { minutes: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } } as const
  const { values } = parseArgs({ args: [...run.args], options })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (!(minutes > 0) || !Number.isInteger(seed))
    throw new Error('--minutes needs a number above 0, --seed a whole one.')

  return async () => {
    const { identities, signal, print, directory, commit, machine } = run
    const result = await soak({ minutes, seed, identities, signal, print, logDirectory: directory })
    const { samples, disturbances, done, comparedBytes, growth, failures } = result
    const date = new Date().toISOString().slice(0, 10)
    const mebibytes = Math.round(comparedBytes / 2 ** 20)
    const connections = Object.values<number>(done).reduce((sum, count) => sum + count, 0)
    const head = { commit, date, machine, minutes, seed, mebibytes, connections, disturbances: disturbances.length }
    run.keep(`${commit}.json`, `${JSON.stringify({ ...head, ...result }, null, 1)}\n`)
    const about = `${connections} connections, ${mebibytes} MiB compared, ${failures.length} failures. ${date}, ${machine}.`
    run.keep(`${commit}.svg`, chartOf(`Soak of ${minutes} minutes at ${commit}`, about, samples, disturbances))
    for (const failure of failures) print(`FAILED ${failure}`)
    print(`connections: ${JSON.stringify(done)}`)
    const moves = disturbances.filter(({ what }) => what.startsWith('migration')).length
    print(
      [
        '| commit | date | machine | minutes | migrations | stops | connections | compared | growth near, far | failures |',
        '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
        `| \`${commit}\` | ${date} | ${machine} | ${minutes} | ${moves} | ${disturbances.length - moves} | ${connections} | ${mebibytes} MiB | ${growth.near}, ${growth.far} | ${failures.length} |`,
      ].join('\n'),
    )
    return failures.length === 0
  }
})
