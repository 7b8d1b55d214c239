/**
 * Programs that know nothing of Holdfast, all at once through one event: each must end as if nothing had happened, and
 * its server must have seen one connection where its client made one.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADDRESS } from '../lab/lab.ts'
import { Iperf } from '../programs/real/iperf.ts'
import { Nginx } from '../programs/real/nginx.ts'
import { Postgres } from '../programs/real/postgres.ts'
import { REAL_PORT, type RealProgram } from '../programs/real/real-program.ts'
import { Redis } from '../programs/real/redis.ts'
import { Ssh } from '../programs/real/ssh.ts'
import { lasting } from '../wait.ts'
import { TOGETHER } from './addresses.ts'
import { COLD } from './bounds.ts'
import type { Scenario } from './scenario.ts'
import type { Stand } from './stand.ts'

/** Of the probe beside them: the programs are the load. */
const PROBE_MBITS = 2
/** Everything is under way by then; the event does not fall into anybody's slow start. */
const TOGETHER_MS = 1_000
const FRESH = '10.1.0.3'

export const programs: Scenario = {
  name: 'programs',
  title: 'OpenSSH, PostgreSQL, curl and nginx, Redis and iperf3 live through a renumbering',
  runs: TOGETHER,
  opensItsOwn: true,
  programs: {
    scp: 'openssh-client',
    sshd: 'openssh-server',
    psql: 'postgresql',
    curl: 'curl',
    nginx: 'nginx-light',
    openssl: 'openssl',
    'redis-server': 'redis-server',
    'redis-cli': 'redis-tools',
    iperf3: 'iperf3',
  },
  stand: () => ({ ports: Object.values(REAL_PORT) }),
  play: stand =>
    playPrograms(stand, async () => {
      const fault = { what: `renumbering to ${FRESH}`, bound: COLD }
      await stand.fault(fault, () => stand.lab.renumber('a', ADDRESS.a.v4, FRESH))
      await stand.proveMoved([ADDRESS.a.v4], [FRESH])
    }),
}

export const programsUplink: Scenario = {
  ...programs,
  name: 'programs-uplink',
  title: 'the same programs live through the loss of an uplink',
  play: stand =>
    playPrograms(stand, async () => {
      await stand.fault({ what: 'uplink a going down', bound: COLD }, () => stand.lab.uplinkDown('a'))
      await stand.proveMoved(Object.values(ADDRESS.a), Object.values(ADDRESS.b))
    }),
}

async function playPrograms(stand: Stand, event: () => Promise<void>): Promise<void> {
  const { near, far } = stand.lab
  const directory = mkdtempSync(join(tmpdir(), `${far.name}-programs-`))
  chmodSync(directory, 0o755)
  const all: readonly RealProgram[] = [Ssh, Postgres, Nginx, Redis, Iperf].map(
    Program => new Program({ near, far, directory }),
  )
  stand.onClose(async () => {
    await Promise.all(all.map(program => program.close()))
    rmSync(directory, { recursive: true, force: true })
  })
  await Promise.all(all.map(program => program.serve()))
  await openProbe(stand)
  await Promise.all(all.map(program => program.begin()))
  await lasting(TOGETHER_MS)
  await event()
  for (const program of all) await program.mustBeBusy()
  stand.notes.push(...(await Promise.all(all.map(async program => `${program.name}: ${await program.finish()}`))))
  await Promise.all(
    (['upload', 'download'] as const).flatMap(direction =>
      ['bytes', 'ticks'].map(kind => stand.settle(`${direction}-${kind}`, direction)),
    ),
  )
}

async function openProbe(stand: Stand): Promise<void> {
  for (const direction of stand.directions) {
    const which = { up: direction === 'upload', down: direction === 'download' }
    stand.open({ id: `${direction}-bytes`, kind: 'bytes', mbits: PROBE_MBITS, ...which })
    stand.open({ id: `${direction}-ticks`, kind: 'ticks', ...which })
  }
}
