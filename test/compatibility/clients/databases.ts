/** Clients that say a line and hear the answer. None of these has a setting for a proxy. */
import { until } from '../../e2e/wait.ts'
import { type Client, dialogue, mustSay } from '../client.ts'
import { PORTS, SERVER } from '../places.ts'

const DEADLINE = { deadlineMs: 30_000 }
const without = (program: string) => ({
  SOCKS5: `${program} has no setting for a proxy`,
  'HTTP CONNECT': `${program} has no setting for a proxy`,
})

const PSQL: Client = {
  name: 'psql',
  version: [['psql', '--version'], /[\d.]+/],
  needs: 'postgres',
  does: 'a transaction with a row from before the move and one from after it; the process of the backend is the same',
  not: without('libpq'),
  play: async visit => {
    const database = `host=${visit.host} port=${PORTS.postgres} user=postgres dbname=postgres`
    const table = `t_${visit.way.replaceAll(' ', '_')}`
    const row = (word: string) => `insert into ${table} values ('${word}') returning '${word} of ' || pg_backend_pid();`
    const out = await dialogue(visit, ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', database], {
      before: [`create table ${table} (word text); begin; ${row('before')}`, /^before of (\d+)$/m],
      after: [row('after'), /^after of (\d+)$/m],
      farewell: `commit; select 'rows ' || count(*) || ' xacts ' || count(distinct xmin::text) from ${table};`,
    })
    mustSay(out, /^rows 2 xacts 1$/m)
  },
}

const REDIS: Client = {
  name: 'redis-cli',
  version: [['redis-cli', '--version'], /[\d.]+/],
  needs: 'redis',
  does: 'questions before and after the move; the server’s number of the connection is the same',
  not: without('redis-cli'),
  play: async visit => {
    await dialogue(visit, ['redis-cli', '-h', visit.host, '-p', `${PORTS.redis}`], {
      before: ['client id', /^(\d+)\n/],
      after: ['client id', /^\d+\n(\d+)\n/],
    })
  },
}

const MARIADB: Client = {
  name: 'mariadb',
  version: [['mariadb', '--version'], /Distrib ([\d.]+)/],
  needs: 'mariadb',
  does: 'a transaction with a row from before the move and one from after it; the number of the connection is the same',
  not: without('mariadb'),
  play: async visit => {
    const place = ['--protocol=tcp', '-h', visit.host, '-P', `${PORTS.mariadb}`, '-u', 'probe']
    const table = `t_${visit.way.replaceAll(' ', '_')}`
    const row = (word: string) =>
      `insert into ${table} values ('${word}'); select concat('${word} of ', connection_id());`
    const out = await dialogue(visit, ['mariadb', '--no-defaults', '-N', '-B', '-n', ...place, 'probe'], {
      before: [`create table ${table} (word text) engine=InnoDB; begin; ${row('before')}`, /^before of (\d+)$/m],
      after: [row('after'), /^after of (\d+)$/m],
      farewell: `commit; select concat('rows ', count(*)) from ${table};`,
    })
    mustSay(out, /^rows 2$/m)
  },
}

const ETCD: Client = {
  name: 'etcdctl watch (gRPC)',
  version: [['etcdctl', 'version'], /etcdctl version: ([\d.]+)/],
  needs: 'etcd',
  does: 'one watch, a stream of gRPC, across two moves; each of three changes is told once and in order',
  not: without('etcdctl'),
  play: async visit => {
    const { ground, way } = visit
    const etcdctl = (host: string, ...args: string[]) => [
      'env',
      'ETCDCTL_API=3',
      'etcdctl',
      `--endpoints=http://${host}:${PORTS.etcd}`,
      ...args,
    ]
    const watch = visit.start(etcdctl(visit.host, 'watch', way))
    // A watch says nothing when it is there: it is when it tells a change.
    await until('the first change', DEADLINE, async () => {
      await ground.far.run(etcdctl(SERVER, 'put', way, 'one'))
      watch.mustRun()
      return watch.out.includes('one') || undefined
    })
    for (const word of ['two', 'three']) {
      await ground.move()
      await ground.far.run(etcdctl(SERVER, 'put', way, word))
      await watch.said(new RegExp(`^${word}$`, 'm'))
    }
    mustSay(watch.out, /^(PUT\n\w+( \w+)?\none\n)+PUT\n\w+( \w+)?\ntwo\nPUT\n\w+( \w+)?\nthree\n$/)
    await watch.stop()
  },
}

export const DATABASES: readonly Client[] = [PSQL, REDIS, MARIADB, ETCD]
