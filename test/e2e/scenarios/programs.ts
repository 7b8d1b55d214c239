/**
 * Programs that know nothing of Holdfast, all at once through the same events: each must end as if nothing had happened, and
 * its server must have seen one connection where its client made one.
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADDRESS } from '../lab/lab.ts'
import { Iperf } from '../programs/real/iperf.ts'
import { Nginx } from '../programs/real/nginx.ts'
import { Postgres } from '../programs/real/postgres.ts'
import { REAL_PORT, type RealProgram, type Site } from '../programs/real/real-program.ts'
import { Redis } from '../programs/real/redis.ts'
import { Ssh } from '../programs/real/ssh.ts'
import { lasting } from '../wait.ts'
import { TOGETHER } from './addresses.ts'
import { COLD } from './bounds.ts'
import type { Scenario } from './scenario.ts'
import type { Stand } from './stand.ts'
import { capturedBy, isCapture, proxyOf, SERVER, type Way, waysWith } from './ways.ts'

/** Of the probe beside them: the programs are the load. */
const PROBE_MBITS = 2
/** Everything is under way by then; the event does not fall into anybody's slow start. */
const TOGETHER_MS = 1_000
const FRESH = '10.1.0.3'
/** So little for each that all together leave the path room. */
const COPIES = { bytesPerSecond: 400_000, seconds: 25 }

type Program = new (site: Site) => RealProgram

/** Those that can be told of a proxy, and where none has to be told, all but the one that measures. */
const ON_WAY: Readonly<Record<Way, readonly Program[]>> = {
  forward: [Postgres, Redis],
  SOCKS5: [Ssh, Nginx],
  'HTTP CONNECT': [Ssh, Nginx],
  redirect: [Ssh, Postgres, Nginx, Redis],
  tproxy: [Ssh, Postgres, Nginx, Redis],
}

export const programs: Scenario = {
  name: 'programs',
  title: 'OpenSSH, PostgreSQL, curl and nginx, Redis and iperf3 live through a renumbering',
  runs: TOGETHER,
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
  stand: () => ({ ports: Object.values(REAL_PORT), loadMbits: PROBE_MBITS }),
  play: async stand => {
    await playPrograms(stand, { forward: [Ssh, Postgres, Nginx, Redis, Iperf] }, {}, () => renumbers(stand))
  },
}

export const programsModes: Scenario = {
  ...programs,
  name: 'programs-modes',
  title: 'the same programs on every way in live through a renumbering and the loss of an uplink',
  programs: { ...programs.programs, nc: 'netcat-openbsd' },
  stand: capture => ({
    ports: Object.values(REAL_PORT),
    ways: waysWith(capture),
    loadMbits: PROBE_MBITS * waysWith(capture).length,
  }),
  play: async stand => {
    await playPrograms(stand, ON_WAY, { copies: COPIES }, async () => {
      await renumbers(stand)
      await stand.fault({ what: 'uplink a going down', bound: COLD }, () => stand.lab.uplinkDown('a'))
      await stand.proveMoved([FRESH, ADDRESS.a.v6], Object.values(ADDRESS.b))
    })
  },
}

async function renumbers(stand: Stand): Promise<void> {
  await stand.fault({ what: `renumbering to ${FRESH}`, bound: COLD }, () =>
    stand.lab.renumber('a', ADDRESS.a.v4, FRESH),
  )
  await stand.proveMoved([ADDRESS.a.v4], [FRESH])
}

async function playPrograms(
  stand: Stand,
  chosen: Partial<Record<Way, readonly Program[]>>,
  more: Pick<Site, 'copies'>,
  events: () => Promise<void>,
): Promise<void> {
  const { near, far } = stand.lab
  const directory = mkdtempSync(join(tmpdir(), `${far.name}-programs-`))
  chmodSync(directory, 0o755)
  const all = stand.ways.flatMap(way => {
    const site = siteOn(way, stand, directory)
    return (chosen[way] ?? []).map(Program => ({ way, program: new Program({ ...site, ...more }) }))
  })
  const each = (act: (program: RealProgram) => Promise<void>) => Promise.all(all.map(({ program }) => act(program)))
  stand.onClose(async () => {
    await each(program => program.close())
    rmSync(directory, { recursive: true, force: true })
  })
  await each(program => program.serve())
  const captured = all.filter(({ way }) => isCapture(way))
  const before = captured.length > 0 ? await capturedBy(near) : 0
  await each(program => program.begin())
  if (captured.length > 0) {
    const connections = captured.reduce((sum, { program }) => sum + program.connections, 0)
    assert.equal((await capturedBy(near)) - before, connections, 'connections captured, and only those meant to be')
  }
  await lasting(TOGETHER_MS)
  await events()
  for (const { program } of all) await program.mustBeBusy()
  const notes = all.map(async ({ way, program }) => `${program.name} by ${way}: ${await program.finish()}`)
  stand.notes.push(...(await Promise.all(notes)))
}

function siteOn(way: Way, { lab }: Stand, directory: string): Site {
  const own = join(directory, way.replace(' ', '-'))
  mkdirSync(own)
  chmodSync(own, 0o755)
  const near = way === 'tproxy' && lab.guest !== undefined ? lab.guest : lab.near
  const proxy = proxyOf(way)
  return { near, far: lab.far, directory: own, address: SERVER[way], ...(proxy === undefined ? {} : { proxy }) }
}
