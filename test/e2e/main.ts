import { mkdtempSync } from 'node:fs'
import { sweep } from './lab/namespace.ts'
import { playRun } from './scenarios/run-scenario.ts'
import { SCENARIOS } from './scenarios/table.ts'
import { selfTest } from './self-test.ts'
import { createIdentity } from './sidecar.ts'

await sweep()
if (process.argv[2] === '--self-test') process.exitCode = (await selfTest(1, line => console.log(line))) === 0 ? 0 : 1
else {
  const d = mkdtempSync('/tmp/hfid-')
  const [near, far] = await Promise.all(['near', 'far'].map(x => createIdentity(`${d}/${x}`)))
  let n = 0
  for (const s of SCENARIOS.filter(s => s.name.match(process.argv[2] ?? '')))
    for (const carrier of (process.argv[3] ?? 'tcp,ws').split(',') as ('tcp' | 'ws')[])
      for (const directions of s.runs)
        for (const r of await playRun({ scenario: s, carrier, directions }, n++, { near: near!, far: far! }, () => {}))
          console.log(
            r.scenario,
            r.carrier,
            r.direction,
            r.passed,
            r.blackoutMs,
            r.blackoutMaxMs,
            r.rttMs,
            r.durationMs,
            r.notes.join('\n'),
          )
}
