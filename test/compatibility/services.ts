/** The servers of the far host, each started when the first client needs it, with files in a directory of its own. */
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../e2e/lab/shell.ts'
import { writeRandomFile } from '../e2e/programs/real/random-file.ts'
import { findProgram, isExecutable } from '../e2e/programs/real/real-program.ts'
import { RunningProgram } from '../e2e/programs/real/running-program.ts'
import { until } from '../e2e/wait.ts'
import type { Ground } from './ground.ts'
import { PORTS, SERVER } from './places.ts'

export type Service = 'sshd' | 'nginx' | 'redis' | 'postgres' | 'mariadb' | 'rsync' | 'git' | 'etcd' | 'web'

/** Hides what sshd would write on this machine, and gives it its /run/sshd. */
const IN_PRIVATE = 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && mount -t tmpfs tmpfs /var/log && exec "$0" "$@"'
const WEB = fileURLToPath(new URL('web-process.js', import.meta.url))
const POSTGRES = '/usr/lib/postgresql'

export class Services {
  readonly directory: string
  /** Of the file that clients fetch. */
  fileSha256 = ''
  readonly #ground: Ground
  readonly #running = new Map<Service, RunningProgram>()
  readonly #starts: Readonly<Record<Service, () => Promise<readonly string[]>>> = {
    sshd: () => this.#sshd(),
    nginx: () => this.#nginx(),
    redis: async () => {
      const place = ['--port', `${PORTS.redis}`, '--bind', '0.0.0.0', '--protected-mode', 'no']
      return ['redis-server', ...place, '--save', '', '--dir', this.directory]
    },
    postgres: () => this.#postgres(),
    mariadb: () => this.#mariadb(),
    rsync: async () => {
      this.#write(
        'rsyncd.conf',
        `use chroot = no\n[root]\npath = ${this.directory}\nread only = no\nuid = 0\ngid = 0\n`,
      )
      const options = ['--no-detach', `--config=${this.file('rsyncd.conf')}`, `--port=${PORTS.rsync}`]
      // With a socket as its input it would take that for the connection of a client.
      return ['sh', '-c', 'exec "$0" "$@" < /dev/null', 'rsync', '--daemon', ...options]
    },
    git: async () => ['git', 'daemon', '--export-all', '--reuseaddr', `--base-path=${this.directory}`],
    etcd: async () => {
      const url = `http://${SERVER}:${PORTS.etcd}`
      const urls = ['--listen-client-urls', url, '--advertise-client-urls', url]
      return ['etcd', '--data-dir', this.file('etcd'), '--listen-peer-urls', 'http://127.0.0.1:2380', ...urls]
    },
    web: async () => {
      const tls = [`${PORTS.webTls}`, this.file('key.pem'), this.file('certificate.pem')]
      return [process.execPath, WEB, SERVER, `${PORTS.web}`, ...tls]
    },
  }

  constructor(ground: Ground) {
    this.#ground = ground
    this.directory = ground.room('services')
    for (const directory of [ground.directory, this.directory]) chmodSync(directory, 0o755)
  }

  /** The file `random`, a repository with it, `repository.git`, and a certificate for the server, `certificate.pem`. */
  async prepare(fileBytes: number): Promise<void> {
    this.fileSha256 = await writeRandomFile(this.file('random'), fileBytes, 'random')
    const work = this.#ground.room('work')
    const author = ['-c', 'user.name=probe', '-c', 'user.email=probe@example.org']
    await run(['git', 'init', '-q', work])
    await run(['cp', this.file('random'), work])
    await run(['git', '-C', work, 'add', '.'])
    await run(['git', '-C', work, ...author, 'commit', '-q', '-m', 'random'])
    await run(['git', 'clone', '-q', '--bare', work, this.file('repository.git')])
    await run(['git', '-C', this.file('repository.git'), 'repack', '-adq'])
    await run(['git', '-C', this.file('repository.git'), 'update-server-info'])
    const names = ['-subj', '/CN=far', '-addext', `subjectAltName=IP:127.0.0.1,IP:${SERVER}`, '-days', '2']
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', this.file('key.pem')]
    await run(['openssl', 'req', '-x509', ...key, '-out', this.file('certificate.pem'), ...names])
  }

  file(name: string): string {
    return join(this.directory, name)
  }

  /** Starts it unless it runs. @returns when it accepts */
  async need(service: Service): Promise<RunningProgram> {
    const known = this.#running.get(service)
    if (known !== undefined) return known
    const [program, ...args] = await this.#starts[service]()
    const started = new RunningProgram(this.#ground.far, [findProgram(program!), ...args])
    this.#running.set(service, started)
    const port = PORTS[service === 'sshd' ? 'ssh' : service === 'nginx' ? 'http' : service]
    await until(`${service} listens`, { deadlineMs: 60_000 }, async () => {
      started.mustRun()
      return (await this.#ground.far.run(['ss', '-ltnH', 'sport', '=', `:${port}`])) !== '' || undefined
    })
    if (service === 'postgres') await started.said(/database system is ready to accept connections/)
    return started
  }

  async close(): Promise<void> {
    for (const program of this.#running.values()) await program.stop('SIGINT')
  }

  async #sshd(): Promise<readonly string[]> {
    for (const key of ['host-key', 'client-key'])
      await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', this.file(key)])
    const lines = [
      `Port ${PORTS.ssh}`,
      `HostKey ${this.file('host-key')}`,
      `AuthorizedKeysFile ${this.file('client-key.pub')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin prohibit-password',
      'PrintMotd no',
      'PrintLastLog no',
      'Subsystem sftp internal-sftp',
    ]
    this.#write('sshd-config', `${lines.join('\n')}\n`)
    return ['sh', '-c', IN_PRIVATE, findProgram('sshd'), '-D', '-e', '-f', this.file('sshd-config')]
  }

  async #nginx(): Promise<readonly string[]> {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi']
    this.#write(
      'nginx.conf',
      `daemon off; user root; worker_processes 1; pid nginx.pid; error_log stderr notice;
      events { worker_connections 64; }
      http {
        access_log off;
        ${temporary.map(what => `${what}_temp_path ${what};`).join('\n')}
        root ${this.directory};
        server { listen ${PORTS.http}; }
        server {
          listen ${PORTS.https} ssl http2;
          ssl_certificate certificate.pem;
          ssl_certificate_key key.pem;
        }
      }\n`,
    )
    return ['nginx', '-e', 'stderr', '-p', this.directory, '-c', this.file('nginx.conf')]
  }

  async #postgres(): Promise<readonly string[]> {
    const version = readdirSync(POSTGRES).find(name => isExecutable(`${POSTGRES}/${name}/bin/postgres`))
    const directory = this.#ground.room('postgres')
    await run(['chown', 'postgres:', directory])
    const asUser = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']
    await run([...asUser, `${POSTGRES}/${version}/bin/initdb`, '--no-sync', '--auth=trust', '-D', directory])
    writeFileSync(join(directory, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n')
    const settings = [`port=${PORTS.postgres}`, 'listen_addresses=*', 'unix_socket_directories=', 'fsync=off']
    const options = [...settings, 'dynamic_shared_memory_type=mmap'].flatMap(setting => ['-c', setting])
    // Its shared memory goes with the namespace, however it ends.
    return ['unshare', '--ipc', ...asUser, `${POSTGRES}/${version}/bin/postgres`, '-D', directory, ...options]
  }

  async #mariadb(): Promise<readonly string[]> {
    const directory = this.#ground.room('mariadb')
    const options = ['--no-defaults', '--user=root', `--datadir=${directory}`]
    await run(['mariadb-install-db', ...options, '--skip-test-db'])
    this.#write('users.sql', "create user probe@'%';\ngrant all on *.* to probe@'%';\ncreate database probe;\n")
    const place = [`--port=${PORTS.mariadb}`, '--bind-address=0.0.0.0', `--socket=${this.file('mariadb.sock')}`]
    const more = [`--init-file=${this.file('users.sql')}`, `--pid-file=${this.file('mariadb.pid')}`]
    return ['mariadbd', ...options, ...place, ...more, '--skip-name-resolve']
  }

  #write(name: string, text: string): void {
    writeFileSync(this.file(name), text)
  }
}
